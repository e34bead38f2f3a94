import assert from 'node:assert/strict'
import {
  type Ability,
  type Admitted,
  ability,
  authorize,
  BOUNDS,
  type Capability,
  cidOf,
  type DID,
  didFromPublicKey,
  encode,
  type Guard,
  int,
  limit,
  optional,
  type Revocation,
  service,
  struct,
  text,
  type Ucan,
} from '@symbiosis/protocol'
import fc from 'fast-check'
import { judge } from './oracle.ts'

/**
 * The pipeline must agree with a plain oracle on random graphs of delegations, leases, proofs and revocations. Signatures are given, not made: whether
 * one is good is a fact of the graph here.
 */
const RUNS = Number(process.env.ORACLE_RUNS ?? 100_000)
const NOW = 1_000_000
const SKEW = 60

const echo = service('echo', {
  rev: 1,
  about: 'Answers',
  limits: { bytes: limit.max('bytes', { unit: 'bytes', default: 10 }), count: limit.max('count', { default: 10 }) },
  abilities: {
    say: ability({ about: 'Answers', effect: 'read', nb: struct({ text: text(), n: optional(int()) }), ok: struct({}) }),
  },
})
const bound = { can: 'echo/say', name: 'say', service: echo, ability: echo.abilities.say as unknown as Ability }

const didOf = (index: number): DID => didFromPublicKey(new Uint8Array(32).fill(index + 1))
const [HOST, SPACE, OTHER, ALICE, BOB, MALLORY] = [0, 1, 2, 3, 4, 5].map(didOf) as [DID, DID, DID, DID, DID, DID]
const PEOPLE = [HOST, SPACE, OTHER, ALICE, BOB, MALLORY]

interface Graph {
  invocation: Ucan
  ucans: Map<string, Ucan>
  unsigned: Set<string>
  revocations: { ucan: string; by: DID }[]
}

/** Mostly what can work: a graph with a flaw in every link says nothing about the others. */
const often = <T>(usual: T, ...rest: T[]) =>
  fc.oneof({ weight: 14, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...rest) })

const link = fc.record({
  lease: fc.boolean(),
  issuer: fc.nat(5),
  leaseTo: fc.constantFrom(1, 1, 1, 2, 2, 3),
  ownerTo: fc.constantFrom(3, 3, 4, 4, 5, 1),
  ownerCan: often('*', 'echo/*', 'echo/say', 'echo/shout', 'echolot/*', 'ucan:*', 'lease/echo/*'),
  leaseCan: often('lease/echo/*', 'lease/echo/say', 'lease/echo/shout', 'lease/*', '*', 'echo/*'),
  ownerWith: often('space', 'other', 'host', 'ucan:*'),
  leaseWith: often('host', 'space', 'other'),
  ownerNb: often<Record<string, unknown> | undefined>(undefined, { text: 'hi' }, { text: 'no' }, { n: 1 }, { unknown: 1 }, {}),
  leaseNb: often<Record<string, unknown> | undefined>(
    undefined,
    { bytes: 5 },
    { bytes: 6, count: 1 },
    { count: 2 },
    { unknown: 1 },
    { bytes: -1 },
  ),
  expiration: often<number | null>(NOW + 100, NOW + 101, NOW - SKEW, NOW - SKEW - 1, null),
  notBefore: often<number | undefined>(undefined, NOW + SKEW, NOW + SKEW + 1),
  proofs: fc.array(fc.nat(5), { maxLength: 3 }),
  fate: often('good', 'unsigned', 'missing'),
  revokedBy: often<number | undefined>(undefined, 0, 1, 2, 3, 4, 5),
})

const graphs = fc.record({
  links: fc.array(link, { minLength: 1, maxLength: 8 }),
  issuer: fc.constantFrom(1, 3, 4),
  proofs: fc.array(fc.nat(9), { maxLength: 4 }),
  withN: fc.boolean(),
})

type Plan = typeof graphs extends fc.Arbitrary<infer T> ? T : never

/** Links prove themselves by earlier ones, as hashes allow no other order. A plan names principals that fit more often than chance would. */
const build = ({ links, issuer, proofs, withN }: Plan): Graph => {
  const made: Ucan[] = []
  const graph = { ucans: new Map<string, Ucan>(), unsigned: new Set<string>(), revocations: [] as { ucan: string; by: DID }[] }
  const subject = { host: HOST, space: SPACE, other: OTHER, 'ucan:*': 'ucan:*' }
  for (const [index, plan] of links.entries()) {
    const chosen = [...new Set(plan.proofs.filter((proof) => proof < made.length))].map((proof) => made[proof] as Ucan)
    const parent = chosen.find((each) => each.capabilities[0]?.can.startsWith('lease/') === plan.lease)
    // Half of the links continue what they name as proof.
    const by =
      parent && plan.issuer % 2 === 0 ? parent.audience : plan.issuer < 3 ? (plan.lease ? HOST : SPACE) : (PEOPLE[plan.issuer] as DID)
    const capability = plan.lease
      ? { can: plan.leaseCan, with: subject[plan.leaseWith as 'host'], nb: plan.leaseNb }
      : { can: plan.ownerCan, with: subject[plan.ownerWith as 'host'], nb: plan.ownerNb }
    const ucan = ucanOf(index, {
      issuer: by,
      audience: PEOPLE[plan.lease ? plan.leaseTo : plan.ownerTo] as DID,
      capabilities: [(capability.nb === undefined ? { can: capability.can, with: capability.with } : capability) as Capability],
      expiration: plan.expiration,
      ...(plan.notBefore !== undefined && { notBefore: plan.notBefore }),
      proofs: chosen.map(({ cid }) => cid),
    })
    made.push(ucan)
    if (plan.fate !== 'missing') graph.ucans.set(String(ucan.cid), ucan)
    if (plan.fate === 'unsigned') graph.unsigned.add(String(ucan.cid))
    if (plan.revokedBy !== undefined) graph.revocations.push({ ucan: String(ucan.cid), by: PEOPLE[plan.revokedBy] as DID })
  }
  const shown = [...new Set(proofs.filter((proof) => proof < made.length))].map((proof) => made[proof] as Ucan)
  const invocation = ucanOf(99, {
    issuer: PEOPLE[issuer] as DID,
    audience: HOST,
    capabilities: [{ can: 'echo/say', with: SPACE, nb: { text: 'hi', ...(withN && { n: 1 }) } }],
    expiration: NOW + 60,
    // Whatever is at hand is shown as well, so that chains are there to be found.
    proofs: [...new Set([...shown, ...made.slice(-3)])].map(({ cid }) => cid),
  })
  return { ...graph, invocation }
}

const ucanOf = (index: number, claims: Omit<Ucan, 'cid' | 'bytes' | 'signature' | 'facts'>): Ucan => {
  const bytes = encode([index, claims.issuer, claims.audience, claims.proofs])
  return { ...claims, facts: [], bytes, cid: cidOf(bytes), signature: new Uint8Array(64) }
}

const decidedByPipeline = ({ invocation, ucans, unsigned, revocations }: Graph) => {
  const guard: Guard = {
    host: HOST,
    now: NOW,
    maxLife: 600,
    bounds: { ...BOUNDS, paths: 1_000_000 },
    ability: (can) => (can === 'echo/say' ? bound : undefined),
    revocations: (cid) => revocations.filter(({ ucan }) => ucan === String(cid)) as unknown as Revocation[],
  }
  const checks = { isSigned: (ucan: Ucan) => !unsigned.has(String(ucan.cid)) } as Admitted['checks']
  return authorize(invocation, { invocations: [invocation], ucans, checks }, guard)
}

const judgedByOracle = ({ invocation, ucans, unsigned, revocations }: Graph) => {
  const links = [...ucans].map(([cid, { proofs, ...ucan }]) => [cid, { ...ucan, cid, proofs: proofs.map(String) }] as const)
  return judge({
    host: HOST,
    now: NOW,
    skew: SKEW,
    issuer: invocation.issuer,
    proofs: invocation.proofs.map(String),
    claim: invocation.capabilities[0] as Capability,
    fields: ['text', 'n'],
    limits: ['bytes', 'count'],
    ucans: new Map(links),
    unsigned,
    revocations,
  })
}

describe('the two-chain rules', function () {
  this.timeout(600_000)

  it(`agree with a plain oracle on ${RUNS.toLocaleString('en')} random graphs`, () => {
    const seen = { allowed: 0, refused: 0, sublet: 0, delegated: 0 }
    const codes = new Set<string>()
    fc.assert(
      fc.property(graphs, (plan) => {
        const graph = build(plan)
        const expected = judgedByOracle(graph)
        const { ok, error } = decidedByPipeline(graph)
        assert.equal(error?.name, expected.code)
        assert.equal(error?.chain, expected.chain)
        seen[ok ? 'allowed' : 'refused']++
        if (error) codes.add(error.name)
        if (!ok) return
        const owner = ok.owner.map(({ cid }) => String(cid))
        assert.ok(expected.owner.some((path) => path.join() === owner.join()))
        // Limits are a map: which field came first is nobody's business.
        assert.deepEqual(ok.leases.map(sorted).sort(), expected.leases.slice(0, 8).map(sorted).sort())
        if (ok.leases.some((path) => path.length > 1)) seen.sublet++
        if (graph.invocation.issuer !== SPACE) seen.delegated++
      }),
      { numRuns: RUNS, seed: 20261122 },
    )
    // A generator that hardly ever makes a call that may pass would prove nothing.
    assert.ok(Math.min(seen.allowed, seen.sublet, seen.delegated) > RUNS / 200, JSON.stringify(seen))
    assert.deepEqual([...codes].sort(), ['BadSignature', 'Expired', 'NoLease', 'NotOwner', 'Revoked', 'TooEarly'])
  })
})

const sorted = (path: unknown): string =>
  JSON.stringify(path, (_, value) =>
    value && typeof value === 'object' && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value,
  )
