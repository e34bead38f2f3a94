import { access, type DID, Failure, invoke, isDid, type Output, unwrap } from '@symbiosis/protocol'
import { type Connect, parseAddress } from './address.ts'
import { keepHost } from './holdings.ts'
import { callerTo, type Self } from './self.ts'

/** A host that has proved who it is. */
export interface Paired {
  did: DID
  name: string
  url: string
  /** What it leases. */
  services: Output<(typeof access)['abilities']['hello']>['services']
}

/**
 * Learns who answers at an address, has it prove so by a signed receipt, and remembers it. An address may name whom it expects:
 * `http://10.0.0.7:4747#did:key:z6Mk...`.
 * @throws Failure InvalidInput (no address), Unavailable, Unsupported (something else answers), WrongAudience (another host answers),
 * BadSignature, Malformed
 */
export const pair = async (self: Self, address: string, signal?: AbortSignal): Promise<Paired> => {
  const { url, did: expected } = parseAddress(address)
  const claimed = await whoAnswers(self.connect, url, signal)
  if (expected && claimed !== expected) {
    throw new Failure('WrongAudience', `At ${url} answers ${claimed}, not ${expected}.`, {
      by: claimed,
      hint: 'Ask the owner of the host for its address and DID.',
    })
  }
  const host = { did: claimed, name: '', urls: [url] }
  const { result } = await invoke(callerTo(self, host, self.signer.did, []), access, 'hello', {}, { ...(signal && { signal }) })
  const { name, services } = unwrap(result)
  for (const { id } of services) mustBeName(url, id)
  await self.holdings.update((state) => keepHost(state, { ...host, name: name.slice(0, 256) }, { proved: true }))
  return { did: claimed, name, url, services }
}

/** What a host calls its services stands in terminals, and in commands that people are told to type. It must be what services are called. */
const mustBeName = (url: string, id: string): void => {
  if (!/^[a-z][a-z0-9-]*$/.test(id)) throw new Failure('Malformed', `The host at ${url} leases what can't be the name of a service.`)
}

const whoAnswers = async (connect: Connect, url: string, signal?: AbortSignal): Promise<DID> => {
  const connection = connect(url)
  if (!connection)
    throw new Failure('Unsupported', `An address like ${url} can't be used here.`, {
      field: 'url',
      hint: 'Use one that begins with http:// or https://.',
    })
  const about = (await connection.about(signal)) as { did?: unknown } | null
  const did = about?.did
  if (typeof did !== 'string' || !isDid(did))
    throw new Failure('Unsupported', `What answers at ${url} is no host.`, { hint: 'Check the address.' })
  return did
}
