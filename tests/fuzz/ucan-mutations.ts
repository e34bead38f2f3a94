import type { CID } from 'multiformats/cid'
import { Pairs } from '../attacks/bent.ts'
import { NOW } from '../fixtures.ts'
import type { Call } from './calls.ts'
import { oddAbility, oddName, oddPrincipal, oddResource, oddValue } from './odd-values.ts'
import { type Random, weighted } from './random.ts'
import { type Model, type Part, sealed } from './sealing.ts'
import type { Stage } from './stage.ts'

type Mutation = (model: Model, random: Random, stage: Stage) => void

/**
 * The call with one of its UCANs changed. Mostly it is signed again, and what relies on it as well, so that the signature lets it pass; else
 * the signature is left as it was.
 */
export const mutateUcan = (call: Call, random: Random, stage: Stage): Call => {
  const { invocation, attach } = call
  const whole = sealed(invocation)
  const target = random.below(whole.proofs.length + attach.length + 4)
  if (target < whole.proofs.length) {
    const proofs = whole.proofs.map((proof, index) => (index === target ? mutated(proof, random, stage) : proof))
    // Only what names it by its new name relies on it.
    return { ...call, invocation: random.chance(0.9) ? { ...invocation, proofs } : { ...whole, proofs } }
  }
  if (target < whole.proofs.length + attach.length) return { ...call, attach: attach.map((each) => mutated(each, random, stage)) }
  if (random.chance(0.15)) return { ...call, invocation: { ...invocation, proofs: otherProofs(whole, random, stage) } }
  return { ...call, invocation: mutated(whole, random, stage) }
}

const mutated = (part: Part, random: Random, stage: Stage): Part => {
  const { s, ...model } = part.model as Model & { s?: unknown }
  if (random.chance(0.25)) model.s = s
  for (let count = random.chance(0.8) ? 1 : 2; count > 0; count--) weighted(random, MUTATIONS)(model, random, stage)
  const { signer, proofs } = part
  return sealed({ signer: random.chance(0.03) ? random.pick(stage.strangers) : signer, model, proofs })
}

/** Leases where delegations belong and the other way round, none, one twice, a diamond, many. */
const otherProofs = ({ proofs }: Part, random: Random, { proofs: all, diamond }: Stage): readonly Part[] => {
  const [first = diamond] = proofs
  switch (random.below(5)) {
    case 0:
      return []
    case 1:
      return [...proofs, first, first]
    case 2:
      return [diamond, diamond, ...proofs]
    case 3:
      return [...proofs].reverse()
    default:
      return Array.from({ length: 1 + random.below(5) }, () => random.pick(all))
  }
}

const FIELDS = ['v', 'iss', 'aud', 'att', 'exp', 'prf', 's', 'fct', 'nbf', 'nnc'] as const

const times = [0, 1, NOW - 61, NOW - 60, NOW - 59, NOW, NOW + 60, NOW + 61, NOW + 660, NOW + 661, 2 ** 53 - 1, -1, 1.5, null, '1', [], {}]
const capability = ({ att }: Model): Model => (Array.isArray(att) && typeof att[0] === 'object' && att[0] ? { ...att[0] } : {})
/** Of an earlier mutation there may stand anything, and a text spread is halves of characters. */
const nbOf = (model: Model): Model => {
  const { nb } = capability(model)
  return typeof nb === 'object' ? { ...nb } : {}
}
const set = (model: Model, field: string, value: unknown): void => {
  model[field] = value
}
const withNb = (model: Model, nb: unknown): void => set(model, 'att', [{ ...capability(model), nb }])

const MUTATIONS: readonly (readonly [number, Mutation])[] = [
  [
    4,
    (model, random) => {
      delete model[random.pick(FIELDS)]
    },
  ],
  [6, (model, random) => set(model, random.pick(FIELDS), oddValue(random))],
  [2, (model, random) => set(model, oddName(random), oddValue(random))],
  [2, (model, random) => set(model, random.pick(['iss', 'aud']), oddPrincipal(random))],
  [4, (model, random) => set(model, random.pick(['exp', 'nbf']), random.pick(times))],
  [3, (model, random) => set(model, 's', oddSignature(model.s, random))],
  [2, (model, random) => set(model, 'prf', oddLinks(model, random))],
  [1, (model, random) => set(model, 'nnc', random.pick(['', 'x'.repeat(5000), new Uint8Array(4), '\u{1f600}', '"\\', 7]))],
  [
    1,
    (model, random) => set(model, 'fct', random.pick([[], [{}], [{ '/': 1 }], [{ deep: [{ '/': 'x' }] }], {}, [1], Array(300).fill({})])),
  ],
  [3, (model, random) => set(model, 'att', oddList(model, random))],
  [4, (model, random) => set(model, 'att', [{ ...capability(model), can: oddAbility(random) }])],
  [3, (model, random) => set(model, 'att', [{ ...capability(model), with: oddResource(random) }])],
  [1, (model, _, { host }) => set(model, 'att', [{ ...capability(model), with: host }])],
  [2, (model, random) => withNb(model, oddValue(random))],
  [
    5,
    (model, random) =>
      withNb(model, { ...nbOf(model), [random.pick(['root', 'limit', 'after', 'bytes', oddName(random)])]: oddValue(random) }),
  ],
  [6, (model, random) => retype(model, random)],
  [2, (model, random) => withNb(model, new Pairs([...Object.entries(nbOf(model)), [oddName(random), oddValue(random)]]))],
  [1, (model, random) => withNb(model, { ...nbOf(model), filling: new Uint8Array(random.pick([16_000, 17_000, 60_000])) })],
]

/** Some field of `nb`, or one within it, changed or taken away. */
const retype = (model: Model, random: Random): void => {
  const nb = nbOf(model)
  const field = random.pick(Object.keys(nb).length > 0 ? Object.keys(nb) : ['root'])
  const inner = nb[field]
  if (random.chance(0.2)) delete nb[field]
  else if (Array.isArray(inner) && random.chance(0.7)) nb[field] = inner.map((item) => (random.chance(0.5) ? bentItem(item, random) : item))
  else nb[field] = oddValue(random)
  withNb(model, nb)
}

const bentItem = (item: unknown, random: Random): unknown =>
  typeof item === 'object' && item !== null
    ? { ...item, [random.pick(['can', 'limits', oddName(random)])]: random.chance(0.5) ? oddAbility(random) : oddValue(random) }
    : oddValue(random)

const oddSignature = (signature: unknown, random: Random): unknown => {
  const bytes = signature instanceof Uint8Array ? Uint8Array.from(signature) : Uint8Array.of(0xed, 0xa1, 0x03, 0x40, ...random.bytes(64))
  switch (random.below(5)) {
    case 0:
      return bytes.slice(0, random.below(bytes.length))
    case 1:
      return Uint8Array.of(...bytes, ...random.bytes(1 + random.below(8)))
    case 2:
      return Uint8Array.of(0xed, 0xa1, 0x03, 0x40, ...new Uint8Array(64).fill(random.pick([0, 255])))
    case 3:
      return oddValue(random)
    default: {
      const at = random.below(bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
      return bytes
    }
  }
}

const oddLinks = ({ prf }: Model, random: Random): unknown => {
  const links = Array.isArray(prf) ? (prf as CID[]) : []
  const count = random.pick([0, 2, 31, 32, 33, 300])
  return random.chance(0.2)
    ? [...links, oddValue(random)]
    : Array.from({ length: count }, () => (links.length > 0 ? random.pick(links) : null))
}

const oddList = (model: Model, random: Random): unknown => {
  const one = capability(model)
  return random.pick([
    [],
    [one, one],
    Array.from({ length: 200 }, () => one),
    [one, { can: '*', with: 'ucan:*' }],
    [{ ...one, extra: 1 }],
    [null],
    one,
  ])
}
