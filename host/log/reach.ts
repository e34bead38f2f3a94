import { type Channel, type DID, Failure, httpChannel, isDid } from '@symbiosis/protocol'
import { unixChannel, unixGet } from '@symbiosis/protocol/unix'

/** A way to a host that is to be followed. */
export interface Reach {
  readonly channel: Channel
  /** Who says that it answers there. Nothing signs it; receipts have to confirm it. */
  about(signal: AbortSignal): Promise<DID>
}

/** An address to follow, and the identity that has to answer there where it names one: `http://10.0.0.7:4747#did:key:z6Mk...`. */
export interface FollowAddress {
  readonly url: string
  readonly did?: DID
  /** Named by a delegation, and not by the operator: what is said of the address by whoever made that counts for nobody else. */
  readonly named?: boolean
}

/** @throws Failure InvalidInput */
export const parseFollow = (text: string): FollowAddress => {
  const at = text.indexOf('#')
  const [url, did] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
  const bad = (what: string) =>
    new Failure('InvalidInput', `"${text.slice(0, 200)}" ${what}.`, {
      field: 'follow',
      hint: 'Write it like http://10.0.0.7:4747 or unix:/run/symbiosis.sock, with #did:key:... behind it to demand an identity.',
    })
  if (did !== undefined && !isDid(did)) throw bad('is followed by what is no DID')
  if (!/^(https?:\/\/[^/]|unix:\/)/.test(url) || !URL.canParse(url)) throw bad('is no address of a host')
  return { url, ...(did && { did }) }
}

export const reach = (url: string): Reach => {
  const path = url.startsWith('unix:') ? url.slice('unix:'.length) : undefined
  const get = (signal: AbortSignal) =>
    path === undefined ? fetch(url, { headers: { accept: 'application/json' }, redirect: 'error', signal }) : unixGet(path, '/')
  return {
    channel: path === undefined ? httpChannel(url) : unixChannel(path),
    async about(signal) {
      let told: unknown
      try {
        told = JSON.parse(await firstBytes(await get(signal)))
      } catch (cause) {
        signal.throwIfAborted()
        throw new Failure('Unavailable', `Nobody tells who they are at ${url}.`, {}, { cause })
      }
      const did = (told as { did?: unknown } | null)?.did
      if (typeof did !== 'string' || !isDid(did)) throw new Failure('Unsupported', `What answers at ${url} is no host.`)
      return did
    },
  }
}

const MAX_ABOUT_BYTES = 64 * 1024

const firstBytes = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_ABOUT_BYTES) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
