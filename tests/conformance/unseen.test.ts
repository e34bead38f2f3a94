import assert from 'node:assert/strict'
import { type Checked, checkHost, type HostTestOptions } from '@symbiosis/conformance'
import { type Consent, deny, type HostOptions } from '@symbiosis/host'
import { ability, Failure, type Provided, provide, service, struct } from '@symbiosis/protocol'
import { jarService } from '../attacks/jar.ts'
import { folders, World } from '../fixtures.ts'
import { jarSamples } from './jar-samples.ts'
import { movedClock } from './moved-clock.ts'

/** Without limits, streams and calls that run once. */
const bell = service('bell', {
  rev: 1,
  about: 'Rings',
  abilities: { ring: ability({ about: 'Rings', effect: 'read', nb: struct({}), ok: struct({}) }) },
})
const bellService = () => provide(bell, { ring: () => ({}) })

/** What can't be looked at is never taken for in order. */
describe('what the rules for hosts can not see', function () {
  this.timeout(60_000)

  const folder = folders()

  const outcomes = async (
    services: Provided[],
    options: HostTestOptions,
    over: Pick<Partial<HostOptions>, 'consent'> = {},
  ): Promise<{ all: Checked[]; rulesOf(outcome: Checked['outcome']): string[] }> => {
    const clock = movedClock()
    const world = await World.open({ dir: folder(), services, now: clock.now, manifestLife: 3600, ...over })
    try {
      const { url = '' } = await world.host.listen()
      const all: Checked[] = []
      for await (const checked of checkHost(url, { clock, ...options })) all.push(checked)
      return { all, rulesOf: (outcome) => all.filter((each) => each.outcome === outcome).map(({ rule }) => rule) }
    } finally {
      await world.close()
    }
  }

  it('counts as broken, and says what to do', async () => {
    const { all, rulesOf } = await outcomes([jarService()], {})
    assert.deepEqual(rulesOf('broken'), [])
    const unseen = all.filter(({ outcome }) => outcome === 'unseen')
    assert.deepEqual([...new Set(unseen.map(({ area }) => area))].sort(), ['amounts', 'renewing', 'services', 'streams'])
    assert.ok(unseen.every(({ ok, message }) => !ok && message))
  })

  it('is left out where that is asked, by area and by rule, and nothing else is', async () => {
    const { all } = await outcomes([jarService()], { without: ['amounts', 'gives nothing back by renewing', 'services', 'streams'] })
    assert.ok(all.every(({ outcome }) => outcome === 'holds' || outcome === 'idle'))
    const areas = new Set(all.map(({ area }) => area))
    assert.deepEqual(
      [areas.has('amounts'), areas.has('services'), areas.has('streams'), areas.has('renewing')],
      [false, false, false, true],
    )
    assert.equal(
      all.some(({ rule }) => rule === 'gives nothing back by renewing'),
      false,
    )
  })

  it('has to be a rule that there is, to be left out', async () => {
    const isInvalid = (error: unknown) => error instanceof Failure && error.name === 'InvalidInput'
    await assert.rejects(checkHost('http://127.0.0.1:1', { without: ['stream'] }).next(), isInvalid)
  })

  it('is none where by its manifest the host has nothing of it', async () => {
    const { all, rulesOf } = await outcomes([bellService()], { without: ['services'] })
    assert.deepEqual([rulesOf('broken'), rulesOf('unseen')], [[], []])
    const idle = rulesOf('idle')
    assert.ok(idle.includes('runs a call once that may run once, however often it comes'))
    assert.ok(idle.includes('lets a lease be used to the last unit of it, and no further'))
    assert.ok(idle.includes('takes no upload for whole that lacks its end'))
    assert.ok(idle.includes('voids a sub-lease with a higher limit'))
    assert.ok(all.every(({ outcome, message }) => outcome === 'holds' || message))
  })

  it('is what needs a lease, of a host that leases nothing to strangers', async () => {
    const { all } = await outcomes([jarService()], { leases: false }, { consent: deny })
    assert.ok(all.every(({ outcome }) => outcome === 'holds'))
    const { rulesOf } = await outcomes([jarService()], { without: ['admission', 'authorization'] }, { consent: deny })
    assert.ok(rulesOf('broken').includes('lets in who shows a lease'))
  })

  it('is what an owner has leased too little for', async () => {
    const less = { bytes: 120, things: 2 }
    const consent: Consent = ({ abilities }) => ({ allow: true, abilities: abilities.map(({ can }) => ({ can, limits: less })) })
    const { all, rulesOf } = await outcomes([jarService()], { samples: jarSamples }, { consent })
    assert.deepEqual(rulesOf('broken'), [])
    assert.ok(rulesOf('unseen').includes('lets a lease be used to the last unit of it, and no further'))
    assert.ok(all.some(({ rule, ok }) => rule === 'leases no more than was asked for, and no longer' && ok))
  })

  it('is seen of a host whose owner takes longer than a call may', async () => {
    const consent = () => new Promise<{ allow: true }>((resolve) => setTimeout(resolve, 1500, { allow: true }))
    const codes: string[] = []
    const options = { samples: jarSamples, patience: 30, answerWithin: 1, onAsked: (code: string) => codes.push(code) }
    const { rulesOf } = await outcomes([jarService()], options, { consent })
    assert.deepEqual([rulesOf('broken'), rulesOf('unseen')], [[], []])
    assert.equal(new Set(codes).size, 2, 'the owner is asked twice')
  })
})
