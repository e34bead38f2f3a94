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
  dictionary,
  didFromPublicKey,
  encode,
  type Guard,
  homeLogsFact,
  limit,
  optional,
  service,
  struct,
  text,
  type Ucan,
} from '@symbiosis/protocol'
import { lapseOf } from '../../host/context.ts'

const NOW = 1_000_000
const [HOST, SPACE, ALICE, BOB] = [1, 2, 3, 4].map((byte) => didFromPublicKey(new Uint8Array(32).fill(byte))) as [DID, DID, DID, DID]

const echo = service('echo', {
  rev: 1,
  about: 'Answers',
  limits: { count: limit.max('count', { default: 10 }) },
  abilities: {
    say: ability({ about: 'Answers', effect: 'read', nb: struct({ text: optional(text()) }), ok: struct({}) }),
    note: ability({ about: 'Notes anything', effect: 'read', nb: dictionary(text()), ok: struct({}) }),
  },
})

let made = 0
/** A UCAN that nobody had to sign: what the checks say of it is up to the test. */
const ucan = (claims: Partial<Ucan>, proofs: readonly Ucan[] = []): Ucan => {
  const bytes = encode(made++)
  const rest = { issuer: SPACE, audience: ALICE, capabilities: [{ can: '*', with: SPACE }], expiration: NOW + 60 }
  return { facts: [], ...rest, ...claims, proofs: proofs.map(({ cid }) => cid), bytes, cid: cidOf(bytes), signature: new Uint8Array(64) }
}
const lease = (facts: Ucan['facts'] = []) =>
  ucan({ issuer: HOST, audience: SPACE, capabilities: [{ can: 'lease/echo/*', with: HOST }], facts })

/** What the pipeline says of a call of `issuer`'s, with all these UCANs at hand. */
const decide = (
  call: { issuer?: DID; capabilities?: readonly Capability[]; proofs: readonly Ucan[]; others?: readonly Ucan[] },
  over: { guard?: Partial<Guard>; paths?: number; asked?: (ucan: Ucan) => void } = {},
) => {
  const { issuer = SPACE, capabilities = [{ can: 'echo/say', with: SPACE }], proofs, others = [] } = call
  const invocation = ucan({ issuer, audience: HOST, capabilities }, proofs)
  const ucans = new Map([...proofs, ...others].map((each) => [String(each.cid), each]))
  const isSigned = (each: Ucan) => {
    over.asked?.(each)
    return true
  }
  const message: Admitted = { invocations: [invocation], ucans, checks: { isSigned } as Admitted['checks'] }
  return authorize(invocation, message, {
    host: HOST,
    now: NOW,
    maxLife: 600,
    bounds: { ...BOUNDS, paths: over.paths ?? BOUNDS.paths },
    ability: (can) => {
      const name = can.slice('echo/'.length)
      const found = (echo.abilities as unknown as Record<string, Ability>)[name]
      return found && { can, name, service: echo, ability: found }
    },
    revocations: () => [],
    ...over.guard,
  })
}

describe('authorization', () => {
  it('takes a call without fields as one whose fields are all left out', () => {
    assert.deepEqual(decide({ proofs: [lease()] }).ok?.input, {})
    const bound = ucan({ capabilities: [{ can: '*', with: SPACE, nb: { text: 'hi' } }] })
    assert.equal(decide({ issuer: ALICE, proofs: [lease(), bound] }).error?.name, 'NotOwner')
  })

  it('refuses a call about nothing', () => {
    assert.equal(decide({ capabilities: [], proofs: [lease()] }).error?.name, 'Malformed')
  })

  it('names the field that leaves the schema, or all of them', () => {
    const field = (nb: unknown) => decide({ capabilities: [{ can: 'echo/say', with: SPACE, nb } as Capability], proofs: [] }).error?.field
    assert.deepEqual([field({ text: 1 }), field([])], ['text', 'nb'])
  })

  it('refuses a caveat that no schema names, whatever the call says', () => {
    for (const field of ['color', 'constructor']) {
      const nb = { [field]: 'red' }
      const bound = ucan({ capabilities: [{ can: '*', with: SPACE, nb }] })
      const { error } = decide({ issuer: ALICE, capabilities: [{ can: 'echo/note', with: SPACE, nb }], proofs: [lease(), bound] })
      assert.deepEqual([error?.name, error?.link], ['NotOwner', String(bound.cid)])
    }
  })

  it('finds eight lease chains, and none of them twice', () => {
    const many = Array.from({ length: 9 }, lease)
    assert.equal(decide({ proofs: many.slice(0, 7) }).ok?.leases.length, 7)
    assert.equal(decide({ proofs: many }).ok?.leases.length, 8)
    const [one, other] = many as [Ucan, Ucan]
    assert.equal(decide({ proofs: [one, other, other, one] }).ok?.leases.length, 2)
  })

  it('leans on no lease whose log was not heard of for too long: another one has to do', () => {
    const log = { did: BOB, url: 'https://bob.example/' }
    const naming = lease([homeLogsFact([log])])
    const heard = (ago: number, ...proofs: Ucan[]) => decide({ proofs }, { guard: { contact: () => NOW - ago } })
    const { name, chain, link } = heard(604_801, naming).error ?? {}
    assert.deepEqual([name, chain, link], ['StaleLog', 'lease', String(naming.cid)])
    const other = lease()
    assert.deepEqual(heard(604_801, naming, other).ok?.leasePaths, [[other]])
    assert.deepEqual(heard(604_800, naming, other).ok?.leasePaths, [[naming], [other]])
    assert.deepEqual(heard(3601, naming).ok?.aging, [log])
    assert.deepEqual(heard(3600, naming).ok?.aging, [])
  })

  it('takes a lease whose fact of logs has another shape for none', () => {
    const { name, chain, field } = decide({ proofs: [lease([{ logs: 1 }])] }).error ?? {}
    assert.deepEqual([name, chain, field], ['NoLease', 'lease', 'fct'])
  })

  it('says when the last of the lease chains ends, each with its own last lease', () => {
    const ending = (expiration: number, to = SPACE) =>
      ucan({ issuer: HOST, audience: to, capabilities: [{ can: 'lease/echo/*', with: HOST }], expiration })
    const lapses = (proofs: readonly Ucan[], others: readonly Ucan[] = []) => lapseOf(decide({ proofs, others }).ok?.leasePaths ?? [])
    const [short, long] = [ending(NOW + 60), ending(NOW + 90)]
    assert.equal(lapses([short]), NOW + 60)
    assert.equal(lapses([short, long]), NOW + 90)
    assert.equal(lapses([long, short]), NOW + 90)
    const above = ending(NOW + 90, BOB)
    const below = ucan({ issuer: BOB, audience: SPACE, capabilities: [{ can: 'lease/echo/*', with: HOST }], expiration: NOW + 70 }, [above])
    assert.equal(lapses([below], [above]), NOW + 70)
  })

  it('takes a step for each link that it looks at, and one for each path, as many as the bound says', () => {
    const dead = ucan({ issuer: HOST, audience: SPACE, capabilities: [{ can: 'lease/other/*', with: HOST }] })
    const upper = ucan({ issuer: HOST, audience: BOB, capabilities: [{ can: 'lease/echo/*', with: HOST }] })
    const lower = ucan({ issuer: BOB, audience: SPACE, capabilities: [{ can: 'lease/echo/*', with: HOST }] }, [upper])
    for (const [proofs, steps] of [
      [[lease()], 2],
      [[dead, lease()], 3],
      [[dead, dead, lease()], 3],
      [[lower], 4],
    ] as [Ucan[], number][]) {
      assert.equal(decide({ proofs, others: [upper] }, { paths: steps }).error, undefined)
      const { error } = decide({ proofs, others: [upper] }, { paths: steps - 1 })
      assert.deepEqual([error?.name, error?.field, error?.limit], ['TooLarge', 'paths', steps - 1])
    }
  })

  it('looks at a link once, whichever way it came by', () => {
    const lent = (issuer: DID, audience: DID, proofs: readonly Ucan[] = []) =>
      ucan({ issuer, audience, capabilities: [{ can: 'lease/echo/*', with: HOST }] }, proofs)
    const top = lent(HOST, BOB)
    const asked: Ucan[] = []
    const { ok } = decide({ proofs: [1, 2, 3].map(() => lent(BOB, SPACE, [top])), others: [top] }, { asked: (each) => asked.push(each) })
    assert.equal(ok?.leases.length, 3)
    assert.equal(asked.filter((each) => each === top).length, 1)
  })

  it('tells of the first of two refusals that are as near', () => {
    const [first, second] = [ucan({ expiration: NOW - 100 }), ucan({ expiration: NOW - 200 })]
    assert.equal(decide({ issuer: ALICE, proofs: [lease(), first, second] }).error?.link, String(first.cid))
  })

  it('says whose a proof is only where it is somebody else who needs it', () => {
    const cut = decide({ issuer: ALICE, proofs: [lease(), ucan({ issuer: BOB, audience: ALICE })] }).error
    assert.deepEqual([cut?.name, cut?.link], ['NotOwner', undefined])
    const astray = ucan({ audience: BOB })
    const { error } = decide({ issuer: ALICE, proofs: [lease(), astray] })
    assert.deepEqual([error?.name, error?.link], ['NotOwner', String(astray.cid)])
  })

  it('passes on what fails in the host, which is no refusal', () => {
    const revocations = () => {
      throw new RangeError('the disk is gone')
    }
    assert.throws(() => decide({ proofs: [lease()] }, { guard: { revocations } }), RangeError)
  })
})
