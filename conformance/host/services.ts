import { isFinal, readStatuses } from '@symbiosis/capabilities/pin'
import { CODES, check, readCarStream, sameBytes, unwrap, verifyBlock } from '@symbiosis/protocol'
import type { Sample, Told } from '../guests.ts'
import { samplesOf } from './amounts.ts'
import { Idle, must, mustEqual, type Rule, Unseen } from './breach.ts'
import { lessee, open, run, streamed } from './lessee.ts'
import type { Peer } from './peer.ts'
import { BLOCKS, standard, standardSamples } from './standard.ts'

const area = 'services'

/** Samples, and whether there is anything that they could be of. */
const some = async (peer: Peer): Promise<readonly Sample[]> => {
  const samples = await samplesOf(peer)
  if (samples.length === 0) throw new Unseen('No call of its services is known to work: pass samples of them')
  return samples
}

/** Runs all samples for a new space. */
const all = async (peer: Peer): Promise<Told[]> => {
  const by = await lessee(peer)
  const told: Told[] = []
  for (const sample of await some(peer)) told.push(await run(peer, by, sample))
  return told
}

/** What is the same for each space. */
const steady = ({ varies = [] }: Sample, { out, bytes }: Told) => ({
  out: out.error ? out.error.name : Object.fromEntries(Object.entries(out.ok).filter(([field]) => !varies.includes(field))),
  ...(bytes && varies.length === 0 && { bytes: bytes.length }),
})

/** What the host's own services do, as far as calls that work show it. */
export const services: readonly Rule[] = [
  {
    area,
    name: 'answers as its manifest says, to the last field',
    async check(peer) {
      const samples = await some(peer)
      for (const [at, { out }] of (await all(peer)).entries()) {
        const { ability: can, error } = samples[at] as Sample
        const told = await peer.ability(can)
        must(told, `Its manifest does not tell of ${can}`)
        if (out.error?.name === 'LimitExceeded' && error !== 'LimitExceeded')
          throw new Unseen(`The lease has no room for ${can}: ${out.error.message}`)
        must(
          out.error?.name === error,
          `${can} is answered ${out.error?.name ?? 'ok'} (${out.error?.message}), where ${error ?? 'ok'} was due`,
        )
        const { name: _, message: __, ...details } = out.error ?? { name: '', message: '' }
        const shape = error === undefined ? told?.ok : told?.errors[error]
        must(shape || (CODES as readonly string[]).includes(error ?? ''), `Its manifest declares no error ${error} of ${can}`)
        const mismatch = shape && check(shape, error === undefined ? out.ok : details, '', true)
        must(!mismatch, `${can} is answered against its manifest: ${mismatch?.path || 'it'} ${mismatch?.message}`)
      }
    },
  },
  {
    area,
    name: 'answers a second space as it answered the first',
    async check(peer) {
      const samples = await some(peer)
      const [first, second] = [await all(peer), await all(peer)]
      for (const [at, sample] of samples.entries())
        mustEqual(
          steady(sample, second[at] as Told),
          steady(sample, first[at] as Told),
          `${sample.ability} tells a space of what another did: ${second[at]?.out.error?.name ?? 'it'} is not what the first was told`,
        )
    },
  },
  standard,
  {
    area,
    name: 'gives back what was pushed to it, block by block',
    async check(peer) {
      const samples = (await standardSamples(peer)).filter(({ ability }) => ability === 'dag/import' || ability === 'dag/export')
      if (samples.length < 2) return new Idle('It takes no content in and gives none out')
      const by = await lessee(peer)
      const told: Told[] = []
      for (const sample of samples) told.push(await run(peer, by, sample))
      const [pushed, exported] = told as [Told, Told]
      const { complete, blocks } = unwrap(pushed.out)
      must(complete === true && blocks === BLOCKS.length, `Of ${BLOCKS.length} blocks it has ${blocks}`)
      unwrap(exported.out)
      const given = []
      const car = streamed(exported.bytes ?? new Uint8Array())
      for await (const block of readCarStream(car, { maxBlocks: 10, maxBlockBytes: 1024 * 1024 })) {
        verifyBlock(block)
        given.push(block)
      }
      const same = given.length === BLOCKS.length && given.every(({ bytes }, at) => sameBytes(bytes, BLOCKS[at]?.bytes as Uint8Array))
      must(same, 'It gives out other blocks than it took in')
    },
  },
  {
    area,
    name: 'gives out nothing to a space that did not push it',
    async check(peer) {
      const sample = (await standardSamples(peer)).find(({ ability }) => ability === 'dag/export')
      if (!sample) return new Idle('It gives no content out')
      const { out } = await run(peer, await lessee(peer), sample)
      must(out.error?.name === 'NotFound', `It answers ${out.error?.name ?? 'ok'}, where NotFound was due`)
    },
  },
  {
    area,
    name: 'tells how a pin goes on until nothing changes any more',
    async check(peer) {
      const samples = await standardSamples(peer)
      const at = samples.findIndex(({ ability }) => ability === 'pin/add')
      if (at < 0) return new Idle('It keeps no pins')
      const by = await lessee(peer)
      for (const sample of samples.slice(0, at + 1)) unwrap((await run(peer, by, sample)).out)
      const invocation = await peer.invocation({ signer: by.signer, can: 'pin/watch', nb: { root: BLOCKS[0].cid }, proofs: by.proofs })
      await peer.patiently(async (signal) => {
        const { answer, body } = await open(peer, invocation, by.proofs, { signal })
        unwrap(answer)
        let last: Parameters<typeof isFinal>[0] | undefined
        for await (const status of readStatuses(body as ReadableStream<Uint8Array>)) last = status
        must(last && isFinal(last), `It ends with ${last?.status ?? 'no state'}`)
      })
    },
  },
]
