import {
  type DID,
  delegate,
  Failure,
  generateSeed,
  httpChannel,
  invoke,
  type Proof,
  revocation,
  signerFromSeed,
  unwrap,
} from '@symbiosis/protocol'
import { type Child, start } from './children.ts'
import { tap } from './cut-host.ts'
import { quantile } from './quantile.ts'
import type { Plan } from './rounds.ts'
import { atMost, figure, type Row } from './rows.ts'
import { now } from './world.ts'

const STREAMS = 100

/**
 * Open streams that rely on one delegation, each another device's over a connection of its own, until all of them were told that it is revoked, and have
 * verified that. The time counts from the call that revokes, since many have ended before its acknowledgement came.
 */
export const cutStreams = async (plan: Plan): Promise<Row[]> => {
  const host: Child<{ url: string; did: DID; seed: Uint8Array }> = await start('./cut-host.ts')
  const { url, did, seed } = host.hello
  const channel = httpChannel(url)
  const space = signerFromSeed(generateSeed())
  const phone = signerFromSeed(generateSeed())
  const expiration = now() + 86_400
  const lease = await delegate(signerFromSeed(new Uint8Array(seed)), {
    audience: space.did,
    capabilities: [{ can: 'lease/tap/*', with: did }],
    expiration,
  })
  const capabilities = [{ can: 'tap/*', with: space.did }]
  /** A stream of a new device's that has begun. */
  const open = async (above: Proof) => {
    const signer = signerFromSeed(generateSeed())
    const proof = await delegate(phone, { audience: signer.did, capabilities, expiration, proofs: [above] })
    const caller = { signer, host: did, subject: space.did, proofs: [proof, lease], channel, now }
    const { result, body } = await invoke(caller, tap, 'drip', {})
    unwrap(result)
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    await reader.read()
    return reader
  }
  const [ended, acknowledged]: [number[], number[]] = [[], []]
  for (let round = 0; round < plan.rounds; round++) {
    const above = await delegate(space, { audience: phone.did, capabilities, expiration })
    const readers = await Promise.all(Array.from({ length: STREAMS }, () => open(above)))
    const ends = readers.map(endOf)
    const caller = { signer: space, host: did, subject: space.did, proofs: [lease], channel, now }
    const sent = performance.now()
    unwrap((await invoke(caller, revocation, 'revoke', { ucan: above.ucan.cid }, { attach: [above] })).result)
    acknowledged.push(performance.now() - sent)
    for (const end of ends) ended.push((await end) - sent)
  }
  host.process.disconnect()
  const about = `cutting: ${STREAMS} open streams, from the call that revokes`
  return [
    figure({ name: `${about} until it is acknowledged, p50`, value: quantile(acknowledged, 0.5), unit: 'ms' }),
    figure({ name: `${about} until they have ended, p50`, value: quantile(ended, 0.5), unit: 'ms' }),
    atMost(1000, { name: `${about} until they have ended, p99`, value: quantile(ended, 0.99), unit: 'ms' }),
  ]
}

/** When it was told that it is revoked; any other end is none of what is measured. */
const endOf = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<number> => {
  try {
    await reader.read()
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.name === 'Revoked') return performance.now()
    throw thrown
  }
  throw new Error('A stream went on, or ended as if it were whole.')
}
