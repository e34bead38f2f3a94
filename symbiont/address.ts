import { type Channel, type DID, Failure, httpChannel, isAbort, isDid, readAll, unreachable } from '@symbiosis/protocol'
import { cancelled } from './cancelled.ts'

/** A way to an address. */
export interface Connection {
  readonly channel: Channel
  /** Who claims to answer there: the JSON that a host serves at `/`, with `did` in it. Nothing signs it; a receipt has to confirm it. */
  about(signal?: AbortSignal): Promise<unknown>
}

/** Makes connections, or answers undefined for a kind of address that it doesn't know. */
export type Connect = (url: string) => Connection | undefined

/** An address, and the identity that must answer there if it names one: `http://10.0.0.7:4747#did:key:z6Mk...`. */
export interface Address {
  readonly url: string
  readonly did?: DID
}

/**
 * Reads an address as people type it.
 * @throws Failure InvalidInput
 */
export const parseAddress = (text: string): Address => {
  const [place = '', ...fragment] = text.trim().split('#')
  const did = fragment.join('#')
  const bad = (what: string) =>
    new Failure('InvalidInput', `"${place.slice(0, 120)}" ${what}.`, {
      field: 'url',
      hint: 'Write it like http://127.0.0.1:4747 or unix:/run/symbiosis.sock.',
    })
  if (did && !isDid(did)) throw bad(`is followed by "${did.slice(0, 80)}", which is no DID`)
  const pinned = did ? { did: did as DID } : {}
  if (!/^https?:/i.test(place)) {
    if (!/^[a-z][a-z0-9+-]+:[^\d]/i.test(place)) throw bad('is no address')
    return { url: place, ...pinned }
  }
  if (!URL.canParse(place)) throw bad('is no address')
  const url = new URL(place)
  if (url.username || url.password || url.search) throw bad('has a password or a query, which an address of a host has not')
  return { url: url.pathname === '/' ? `${url.origin}/` : url.href, ...pinned }
}

/** HTTP and HTTPS, by the runtime's own `fetch`: what a browser can reach. */
export const connectWeb: Connect = (url) =>
  /^https?:/.test(url)
    ? {
        channel: httpChannel(url),
        about: (signal) =>
          readAbout(url, () => fetch(url, { headers: { accept: 'application/json' }, redirect: 'error', ...(signal && { signal }) })),
      }
    : undefined

const MAX_ABOUT_BYTES = 64 * 1024

/** The JSON of a page that tells who answers. */
export const readAbout = async (url: string, get: () => Promise<Response>): Promise<unknown> => {
  let text = ''
  try {
    text = new TextDecoder().decode(await readAll((await get()).body, MAX_ABOUT_BYTES))
  } catch (thrown) {
    // No host has that much to say of itself.
    if (!(thrown instanceof Failure)) throw isAbort(thrown) ? cancelled(thrown) : unreachable(url, thrown)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure('Unsupported', `What answers at ${url} is no host.`, { hint: 'Check the address.' })
  }
}

/** How far away an address is: 0 this machine, 1 this network, 2 beyond. Near hosts are asked first. */
export const distance = (url: string): number => {
  if (!/^https?:/.test(url)) return 0
  const { hostname } = new URL(url)
  if (/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname) || hostname.endsWith('.localhost')) return 0
  if (
    /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[f[cd]|\[fe80:)/.test(hostname) ||
    hostname.endsWith('.local') ||
    !hostname.includes('.')
  )
    return 1
  return 2
}
