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

/**
 * The two-chain rules once more, as slowly and plainly as they can be written: every sequence of links is tried, nothing is remembered. The
 * pipeline must agree with it on random graphs of delegations, leases, proofs and revocations. Signatures are given, not made: whether one is good is
 * a fact of the graph here.
 */
const RUNS = 100_000
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

const allowedByPipeline = ({ invocation, ucans, unsigned, revocations }: Graph): { allowed: boolean; leases: string[] } => {
  const guard: Guard = {
    host: HOST,
    now: NOW,
    maxLife: 600,
    bounds: { ...BOUNDS, paths: 1_000_000 },
    ability: (can) => (can === 'echo/say' ? bound : undefined),
    revocations: (cid) => revocations.filter(({ ucan }) => ucan === String(cid)) as unknown as Revocation[],
  }
  const checks = { isSigned: (ucan: Ucan) => !unsigned.has(String(ucan.cid)) } as Admitted['checks']
  const { ok } = authorize(invocation, { invocations: [invocation], ucans, checks }, guard)
  return { allowed: ok !== undefined, leases: (ok?.leases ?? []).map((path) => JSON.stringify(path)).sort() }
}

/** Every way up from a link to a root: sequences in which each is issued by the audience of the one above. */
const waysUp = (audience: DID, proofs: readonly unknown[], graph: Graph): Ucan[][] =>
  proofs.flatMap((proof) => {
    const ucan = graph.ucans.get(String(proof))
    if (!ucan || ucan.audience !== audience) return []
    return [[ucan], ...waysUp(ucan.issuer, ucan.proofs, graph).map((way) => [...way, ucan])]
  })

const allowedByOracle = (graph: Graph): { allowed: boolean; leases: string[] } => {
  const { invocation, unsigned, revocations } = graph
  const genuine = (way: Ucan[]) =>
    way.every((ucan, index) => {
      const above = way.slice(0, index + 1).map(({ issuer }) => issuer as string)
      const inTime = (ucan.expiration === null || NOW <= ucan.expiration + SKEW) && NOW >= (ucan.notBefore ?? 0) - SKEW
      const revoked = revocations.some(({ ucan: cid, by }) => cid === String(ucan.cid) && (by === ucan.audience || above.includes(by)))
      return inTime && !revoked && !unsigned.has(String(ucan.cid))
    })
  const owns = (way: Ucan[]) =>
    way[0]?.issuer === SPACE &&
    way.slice(1).every(({ issuer }) => issuer !== SPACE) &&
    way.every(({ capabilities: [capability] }) => {
      const { can, with: resource, nb = {} } = capability as Capability
      const claimed = invocation.capabilities[0]?.nb as Record<string, unknown>
      return (
        ['*', 'ucan:*', 'echo/*', 'echo/say'].includes(can) &&
        [SPACE, 'ucan:*'].includes(resource) &&
        Object.entries(nb).every(([field, value]) => ['text', 'n'].includes(field) && claimed[field] === value)
      )
    })
  const lets = (way: Ucan[]) =>
    way[0]?.issuer === HOST &&
    way.slice(1).every(({ issuer }) => issuer !== HOST) &&
    way.every((ucan, index) => {
      const { can, with: resource, nb = {} } = ucan.capabilities[0] as Capability
      const amounts = Object.entries(nb) as [string, number][]
      const parent = way[index - 1]
      return (
        ucan.expiration !== null &&
        resource === HOST &&
        ['lease/echo/*', 'lease/echo/say'].includes(can) &&
        amounts.every(([name, amount]) => ['bytes', 'count'].includes(name) && amount >= 0) &&
        (!parent ||
          ((parent.capabilities[0]?.can === 'lease/echo/*' || parent.capabilities[0]?.can === can) &&
            (ucan.expiration as number) <= (parent.expiration as number) &&
            amounts.every(([name, amount]) => amount <= leastAbove(way.slice(0, index), name))))
      )
    })
  const owned = invocation.issuer === SPACE || waysUp(invocation.issuer, invocation.proofs, graph).some((way) => genuine(way) && owns(way))
  const leases = waysUp(SPACE, invocation.proofs, graph).filter((way) => genuine(way) && lets(way))
  const edges = leases.map((way) =>
    JSON.stringify(way.map(({ issuer: by, audience: to }, index) => ({ by, to, limits: inForce(way.slice(0, index + 1)) }))),
  )
  return owned && leases.length > 0 ? { allowed: true, leases: edges.slice(0, 8).sort() } : { allowed: false, leases: [] }
}

const leastAbove = (way: Ucan[], name: string): number => inForce(way)[name] ?? Number.POSITIVE_INFINITY

const inForce = (way: Ucan[]): Record<string, number> => Object.assign({}, ...way.map(({ capabilities: [capability] }) => capability?.nb))

describe('the two-chain rules', function () {
  this.timeout(600_000)

  it(`agree with a plain oracle on ${RUNS.toLocaleString('en')} random graphs`, () => {
    const seen = { allowed: 0, refused: 0, sublet: 0, delegated: 0 }
    fc.assert(
      fc.property(graphs, (plan) => {
        const graph = build(plan)
        const expected = allowedByOracle(graph)
        const actual = allowedByPipeline(graph)
        assert.equal(actual.allowed, expected.allowed)
        // Limits are a map: which field came first is nobody's business.
        assert.deepEqual(actual.leases.map(sorted).sort(), expected.leases.map(sorted).sort())
        seen[actual.allowed ? 'allowed' : 'refused']++
        if (actual.leases.some((path) => JSON.parse(path).length > 1)) seen.sublet++
        if (actual.allowed && graph.invocation.issuer !== SPACE) seen.delegated++
      }),
      { numRuns: RUNS, seed: 20261122 },
    )
    // A generator that hardly ever makes a call that may pass would prove nothing.
    assert.ok(Math.min(seen.allowed, seen.sublet, seen.delegated) > RUNS / 100, JSON.stringify(seen))
  })
})

const sorted = (path: string): string =>
  JSON.stringify(JSON.parse(path), (_, value) =>
    value && typeof value === 'object' && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value,
  )
