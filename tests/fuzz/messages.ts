import { type Block, encodeVarint } from '@symbiosis/protocol'
import { NOW } from '../fixtures.ts'
import { mutateBytes } from './byte-mutations.ts'
import { type Call, validCall } from './calls.ts'
import { carOf, carParts, mutateCar, oddVarint } from './car-mutations.ts'
import { mutateCbor } from './cbor-mutations.ts'
import { crowd } from './crowds.ts'
import { oddName, oddValue } from './odd-values.ts'
import { type Random, weighted } from './random.ts'
import { blocksOf, named, type Part, part, sealed, written } from './sealing.ts'
import type { Stage } from './stage.ts'
import { mutateUcan } from './ucan-mutations.ts'

/** The body of a request, and what a caller would say of it. */
export interface Body {
  readonly bytes: Uint8Array
  readonly streamed: boolean
  readonly accept: string
  readonly waits: boolean
}

const LAYERS = ['none', 'ucan', 'message', 'cbor', 'car', 'stream', 'bytes', 'crowd'] as const
type Layer = (typeof LAYERS)[number]

const WEIGHTS: readonly (readonly [number, Layer])[] = [
  [100, 'none'],
  [450, 'ucan'],
  [60, 'message'],
  [120, 'cbor'],
  [90, 'car'],
  [40, 'stream'],
  [140, 'bytes'],
  [1, 'crowd'],
]

/** Which layers of a message are mutated: mostly one. */
export const anyLayers = (random: Random): readonly Layer[] => {
  const first = weighted(random, WEIGHTS)
  return random.chance(0.12) ? [first, weighted(random, WEIGHTS)] : [first]
}

export const anyBody = (random: Random, stage: Stage, layers: readonly Layer[]): Body => {
  const calls = Array.from({ length: random.chance(0.06) ? random.pick([2, 3, 8]) : 1 }, () => {
    const call = validCall(random, stage)
    return layers.includes('ucan') ? mutateUcan(call, random, stage) : call
  })
  const { root, blocks } = layers.includes('crowd') ? crowd(random, stage) : assembled(calls, random, stage, layers)
  const parts = carParts(root.cid, [...blocks, root])
  const car = carOf(layers.includes('car') ? mutateCar(parts, random) : parts)
  const plain = whole(car, calls, random, layers)
  const other = () => anyBody(random, stage, ['none']).bytes
  const bytes = layers.includes('bytes') ? mutateBytes(plain.bytes, other, random) : plain.bytes
  return { bytes, streamed: plain.streamed, accept: (calls[0] as Call).accept, waits: calls.some(({ waits }) => waits) }
}

/** A call that every host answers. */
export const goodBody = ({ host, strangers }: Stage): Body => {
  const [signer] = strangers as [Part['signer']]
  const { block } = sealed(part(signer, host, { can: 'access/hello', with: signer.did, nb: {}, exp: NOW + 60 })) as { block: Block }
  const root = named(written({ 'ucanto/message@7.0.0': { execute: [block.cid] } }))
  return { bytes: carOf(carParts(root.cid, [block, root])), streamed: false, accept: '*/*', waits: false }
}

/** The blocks of a message, its root apart. */
const assembled = (calls: readonly Call[], random: Random, stage: Stage, layers: readonly Layer[]): { root: Block; blocks: Block[] } => {
  const invocations = calls.map(({ invocation }) => sealed(invocation))
  let blocks = blocksOf([...calls.flatMap(({ attach }) => attach), ...invocations])
  let execute: unknown[] = invocations.map(({ block }) => block?.cid)
  if (layers.includes('cbor')) {
    const target = random.below(blocks.length)
    const old = blocks[target] as Block
    const bytes = mutateCbor(old.bytes, random)
    const bent = random.chance(0.85) ? named(bytes) : { cid: old.cid, bytes }
    blocks = blocks.map((block, index) => (index === target ? bent : block))
    execute = execute.map((cid) => (cid === old.cid ? bent.cid : cid))
  }
  if (layers.includes('message')) return oddMessage(execute, blocks, invocations, random, stage)
  const root = written({ 'ucanto/message@7.0.0': { execute } })
  return { root: named(layers.includes('cbor') && random.chance(0.15) ? mutateCbor(root, random) : root), blocks }
}

const oddMessage = (
  execute: unknown[],
  blocks: Block[],
  invocations: readonly Part[],
  random: Random,
  { cycle, proofs, diamond }: Stage,
) => {
  const rooted = (content: object, more: readonly Block[] = []) => ({ root: named(written(content)), blocks: [...blocks, ...more] })
  const executing = (list: unknown, more: readonly Block[] = []) => rooted({ 'ucanto/message@7.0.0': { execute: list } }, more)
  return random.pick([
    () => executing([]),
    () => executing([...execute, ...execute]),
    () => executing(Array.from({ length: random.pick([64, 65, 500]) }, () => execute[0])),
    () => executing([oddValue(random), ...execute]),
    () => executing(oddValue(random)),
    () => executing([...execute, named(written({ absent: 1 })).cid]),
    () => executing([...execute, random.pick(proofs).block?.cid], blocksOf(proofs)),
    () => executing(execute, cycle),
    () => executing([...cycle.map(({ cid }) => cid)], cycle),
    () => executing([diamond.block?.cid], blocksOf([diamond])),
    () => executing(execute, blocksOf([diamond])),
    () => rooted({ [random.pick(['ucanto/message@7.0.1', 'ucanto/message', '', oddName(random)])]: { execute } }),
    () => rooted({ 'ucanto/message@7.0.0': { execute, report: { x: execute[0] } } }),
    () => rooted({ 'ucanto/message@7.0.0': { execute, [oddName(random)]: oddValue(random) } }),
    () => rooted({ 'ucanto/message@7.0.0': oddValue(random) }),
    () => rooted([{ 'ucanto/message@7.0.0': { execute } }]),
    () => ({ root: invocations[0]?.block as Block, blocks }),
  ])()
}

/** The message as it is, or with its length before it and the stream behind. */
const whole = (
  car: Uint8Array,
  calls: readonly Call[],
  random: Random,
  layers: readonly Layer[],
): { bytes: Uint8Array; streamed: boolean } => {
  const sent = (calls[0] as Call).stream ?? new Uint8Array(0)
  // One frame, and the end of a whole stream.
  const stream = sent.length === 0 ? sent : Buffer.concat([encodeVarint(sent.length), sent, Uint8Array.of(0, 0)])
  if (!layers.includes('stream')) {
    if (stream.length === 0) return { bytes: car, streamed: false }
    return { bytes: Buffer.concat([encodeVarint(car.length), car, stream]), streamed: true }
  }
  const prefix = random.chance(0.5) ? oddVarint(random, car.length) : encodeVarint(car.length)
  const behind = random.chance(0.5) ? mutateBytes(stream, () => car, random) : stream
  return { bytes: Buffer.concat([prefix, car, behind]), streamed: random.chance(0.9) }
}
