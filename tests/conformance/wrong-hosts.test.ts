import assert from 'node:assert/strict'
import { join } from 'node:path'
import { dagService } from '@symbiosis/capabilities/dag/host'
import { pinService } from '@symbiosis/capabilities/pin/host'
import { type Area, type Checked, checkHost, type HostTestOptions } from '@symbiosis/conformance'
import { type HeliaEngine, helia } from '@symbiosis/host/helia'
import { ability, type Code, decodeCar, Failure, type Provided, provide, service, struct } from '@symbiosis/protocol'
import { jarService } from '../attacks/jar.ts'
import { folders, mallory, World } from '../fixtures.ts'
import { jarSamples } from './jar-samples.ts'
import { movedClock } from './moved-clock.ts'
import { OTHERWISE } from './otherwise.ts'
import { type Answered, openWrongHost, type Wrong } from './wrong-host.ts'
import { WRONG_LEASING } from './wrong-leasing.ts'
import { WRONG_STREAMS } from './wrong-streams.ts'
import { changed, type FoundOut, frozen, lenient, strict } from './wrong-ways.ts'

const CODES: readonly [Code, ...(string | RegExp)[]][] = [
  ['Malformed', 'refuses what is no message', 'refuses a call with two capabilities'],
  ['BadHash', "refuses a block under another block's CID"],
  ['NotCanonical', /^refuses a UCAN in a second form/, 'refuses what was revoked in every other form of it'],
  ['TooLarge', /^bounds a message/],
  ['BadSignature', 'refuses a second signature of the same key', 'refuses a call that its issuer did not sign'],
  ['Expired', 'refuses a call that has ended', 'refuses a delegation that has ended', 'says which link failed'],
  ['TooEarly', 'refuses a call that has not begun'],
  ['TooLong', 'refuses a call that lives for a day', 'refuses a call that never ends'],
  ['WrongAudience', 'refuses a call for another host'],
  ['UnknownAbility', 'knows no ability that it does not have', 'knows no ability that is named like a method'],
  ['InvalidInput', 'refuses input with a field more', 'refuses input that lacks a field', 'refuses input of another kind'],
  [
    'NotOwner',
    'refuses to let one space act for another',
    'takes no other ability for the one delegated',
    'matches abilities by whole segments',
    'refuses a delegation of somebody else',
    'refuses a delegation with a caveat that it does not know',
    'refuses a delegation to somebody else',
    'lets nobody delegate more than they have',
    'lets nobody delegate what is not theirs',
    'keeps what is for operators from others',
    'takes no space for the host',
    'takes no lease for a delegation over the host',
    'keeps a lease from who carries it without the space',
  ],
  ['Revoked', 'refuses what was revoked, from the acknowledgement on, and says who did it', 'refuses what rests on something revoked'],
  ['NotRevoker', 'lets nobody revoke who neither gave, nor stands above, nor received'],
  ['NotFound', 'takes no revocation that does not come along, and none from those it has nothing to do with'],
]

/** Hosts that each break one rule, and rules that have to tell so. */
const WRONG: Readonly<Record<string, [Wrong, ...(string | RegExp)[]]>> = {
  ...Object.fromEntries(CODES.map(([code, ...rules]) => [`does what ${code} should refuse`, [lenient(code), ...rules] as const])),
  'lets in who has no lease': [
    { answer: ({ can, out }) => (can.startsWith('jar/') && out.error ? { ok: { things: [] } } : out) },
    'lets nobody in without a lease',
    'takes no lease that another signed',
    'takes no lease that the space gave itself',
    "takes no lease for another's",
    /^voids a sub-lease/,
  ],
  'lets nobody in': [
    { answer: ({ can, out }) => (/^(jar|dag|pin)\//.test(can) ? { error: { name: 'NoLease', message: 'No.' } } : out) },
    'lets in who shows a lease',
    /^runs a call once/,
  ],
  'signs refusals with another key': [
    { signer: ({ out }, key) => (out.error ? mallory : key) },
    'gives each call of a message a receipt of its own',
  ],
  'signs the receipt of another call': [
    { ran: ({ ran }, all) => (all.length > 1 ? (all[0] as Answered).ran : ran) },
    'gives each call of a message a receipt of its own',
  ],
  'leaves out what it refuses': [
    { answer: ({ out }) => (out.error ? undefined : out) },
    'gives each call of a message a receipt of its own',
  ],
  'answers otherwise each time': [
    { answer: ({ out }) => (out.error ? { error: { ...out.error, at: Math.floor(performance.now() * 1000) } } : out) },
    'answers a call that comes twice as it did at first',
  ],
  'shows where its program failed': [
    { answer: ({ out }) => (out.error ? { error: { ...out.error, hint: new Error('here').stack as string } } : out) },
    'refuses by codes of the closed list, and tells nothing of its inside',
  ],
  'has a code of its own': [
    { answer: ({ out }) => (out.error ? { error: { ...out.error, name: 'Nope' } } : out) },
    'refuses by codes of the closed list, and tells nothing of its inside',
  ],
  'names no link': [
    { answer: ({ out: { ok, error } }) => (error ? { error: { name: error.name, message: error.message } } : { ok }) },
    'says which link failed',
    'refuses what was revoked, from the acknowledgement on, and says who did it',
  ],
  'tells nothing of itself after the first time': [
    (() => {
      let met = false
      return changed('access/hello', (ok) => {
        if (met) return { name: ok.name as string }
        met = true
        return ok
      })
    })(),
    'tells what it is called and what it leases',
  ],
  'refuses everybody': [
    strict(({ can }) => can === 'access/hello' && strictNow.on),
    'answers who acts for itself',
    'forgives clocks half a minute',
    'lets a device act by a delegation',
    'lets a device act by a delegation of the whole service',
    'lets a device act by a delegation of everything',
    'follows a chain of delegations',
    'finds the good one of several delegations',
  ],
  'has one page speak to it only': [
    {
      http: ({ method, headers }, response) => {
        if (method !== 'OPTIONS' && headers.origin === undefined) return false
        response.writeHead(403).end('{}')
        return true
      },
    },
    'tells other web pages that they may call',
  ],
  'takes every content type for a message': [
    {
      http: ({ headers }, response) => {
        if (headers['content-type'] !== 'text/plain') return false
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
        return true
      },
    },
    'says of another content type that it is not spoken',
  ],
  'gives up on diamonds': [
    { refuses: ({ message }) => (blocksOf(message) === DIAMOND_BLOCKS ? 'Internal' : undefined) },
    'looks at each link of a diamond once',
  ],
  'tells of no services in its manifest': [
    changed('manifest/get', (ok) => ({ ...ok, manifest: (ok.manifest as Uint8Array).subarray(0, 100) })),
    'signs a manifest of what it says that it leases',
  ],
  'hides that its log has its manifest': [
    changed('manifest/get', ({ log: _, ...ok }) => ok),
    'shows that its log has its manifest, where everybody else finds it',
  ],
  'has no address of the manifest that others know': [
    { http: ({ url }, response) => url === '/.well-known/symbiosis' && response.writeHead(404).end() !== undefined },
    'shows the same manifest to who only knows its address',
  ],
  'leases what never was asked for': [
    changed('access/request', () => ({ state: 'granted', leases: [] })),
    'leases to the space that its owner says yes to, and to the services asked for',
  ],
  'shows a checkpoint of somebody else': [
    changed('log/checkpoint', (ok) => ({ ...ok, checkpoint: String(ok.checkpoint).replace(/^\S+/, `${mallory.did}/revocations`) })),
    'signs a checkpoint of its log by a key that it named',
  ],
  'freezes its log': [frozen('log/checkpoint'), 'proves each entry, and that its log only grew'],
  'acknowledges by an old entry': [frozen('ucan/revoke'), 'proves by its receipt that the revocation stands in its log'],
  'logs what it logged already': [
    (() => {
      let count = 0
      return changed('ucan/revoke', (ok) => ({ ...ok, log: { ...(ok.log as object), index: count++ } }))
    })(),
    'acknowledges a revocation that comes again without logging it again',
  ],
}

/** Of the rule's diamond: two on each of 18 levels and one above them, the call, the root. */
const DIAMOND_BLOCKS = 2 * 18 + 3
const blocksOf = (message: Uint8Array) => decodeCar(message, { maxBlocks: 10_000, maxBlockBytes: 2 ** 20 }).blocks.length

/** Turned on once the wrong host has been met. */
const strictNow = { on: false }

const clock = movedClock()

const OPTIONS: HostTestOptions = { open: ['jar/peek'], answerWithin: 2, samples: jarSamples, clock, ends: true }

const FIRST: readonly Area[] = ['answers', 'admission', 'authorization', 'manifest', 'leases', 'revocation']
const LATER: readonly Area[] = ['asking', 'amounts', 'renewing', 'streams', 'services']

const ALL: FoundOut = {
  ...Object.fromEntries(
    Object.entries(WRONG).map(([what, [wrong, ...rules]]) => [what, { wrong: () => wrong, areas: FIRST, rules, also: 'others' }] as const),
  ),
  ...WRONG_LEASING,
  ...WRONG_STREAMS,
}

describe('a host that is wrong', function () {
  this.timeout(120_000)

  const folder = folders()
  let world: World
  let engine: HeliaEngine
  const broken = new Set<string>()
  let right: Checked[] = []

  before(async () => {
    engine = await helia({ dir: join(folder(), 'engine') })
    world = await opened([jarService(), dagService(engine), pinService(engine)])
    right = await look({})
  })
  after(async () => {
    await world?.close()
    await engine?.close()
  })

  const opened = (services: Provided[]): Promise<World> => World.open({ dir: folder(), services, now: clock.now, manifestLife: 3600 })

  const look = async (wrong: Wrong, areas: readonly Area[] = [...FIRST, ...LATER]): Promise<Checked[]> => {
    const host = await openWrongHost(world.host, world.signer, wrong)
    try {
      const checked: Checked[] = []
      strictNow.on = false
      const without = [...FIRST, ...LATER].filter((area) => !areas.includes(area))
      for await (const each of checkHost(host.url, { ...OPTIONS, without })) {
        strictNow.on = true
        checked.push(each)
      }
      return checked
    } finally {
      host.close()
    }
  }

  /** The rules that a host breaks by itself, as it listens. */
  const brokenBy = async (services: Provided[], options: HostTestOptions = OPTIONS): Promise<string[]> => {
    const other = await opened(services)
    try {
      const { url = '' } = await other.host.listen()
      const failed: string[] = []
      for await (const { ok, rule } of checkHost(url, options)) if (!ok) failed.push(rule)
      for (const rule of failed) broken.add(rule)
      return failed
    } finally {
      await other.close()
    }
  }

  it('is told from one that is right, behind the same door', () => {
    assert.ok(right.length > 120)
    assert.deepEqual(
      right.filter(({ outcome }) => outcome !== 'holds'),
      [],
    )
  })

  for (const [what, bent] of Object.entries(OTHERWISE)) {
    it(`is none where it is right in another way: it ${what}`, async () => {
      assert.deepEqual(
        (await look(bent)).filter(({ ok }) => !ok),
        [],
      )
    })
  }

  for (const [what, { wrong, areas, rules, also = [] }] of Object.entries(ALL)) {
    it(`is found: it ${what}`, async () => {
      const failed = (await look(wrong(), areas)).filter(({ ok }) => !ok).map(({ rule }) => rule)
      for (const rule of failed) broken.add(rule)
      for (const rule of rules) {
        assert.ok(
          failed.some((name) => (typeof rule === 'string' ? name === rule : rule.test(name))),
          `"${rule}" should fail, of which ${failed.join('; ')} did`,
        )
      }
      if (also !== 'others')
        assert.deepEqual(
          failed.filter((rule) => !rules.includes(rule)),
          also,
        )
    })
  }

  it('is found: it runs a call again that may run once', async () => {
    const jar = jarService()
    // Kept as the contract says, but for what makes the host remember the answers.
    const { count, ...others } = jar.service.abilities
    const bent = { ...jar.service, abilities: { ...others, count: { ...(count as object), effect: 'idempotent' } as never } }
    const failed = await brokenBy([{ ...jar, service: bent }], { ...OPTIONS, once: { can: 'jar/count', nb: {} } })
    assert.deepEqual(failed, ['runs a call once that may run once, however often it comes'])
  })

  it('is found: it gives nothing back', async () => {
    const jar = jarService()
    const failed = await brokenBy([{ ...jar, handlers: { ...jar.handlers, drop: () => ({}) } }])
    assert.deepEqual(failed, ['gives back what is removed'])
  })

  it('is found: it means something else by the name of a standard service', async () => {
    const add = ability({ about: 'Keeps a thing', effect: 'read', nb: struct({}), ok: struct({}) })
    const pin = service('pin', { rev: 1, about: 'Keeps things', abilities: { add } })
    const failed = await brokenBy([jarService(), provide(pin, { add: () => ({}) })])
    assert.ok(failed.includes('has the standard services as their contracts are'))
  })

  it('breaks every rule in one way or another, so that none passes whatever a host does', () => {
    assert.deepEqual(
      right.map(({ rule }) => rule).filter((rule) => !broken.has(rule)),
      [],
    )
  })

  it('is no host at all where nothing of one answers', async () => {
    const isUnavailable = (error: unknown) => error instanceof Failure && error.name === 'Unavailable'
    await assert.rejects(checkHost('http://127.0.0.1:1').next(), isUnavailable)
  })
})
