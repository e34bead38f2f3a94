import assert from 'node:assert/strict'
import { ability, provide, service, struct } from '@symbiosis/protocol'
import { folders, World } from '../fixtures.ts'

/** A host's name is its owner's to choose, what a service says of itself whoever's wrote it. */
const NASTY = `"><script>pwned()</script><img src=x onerror='pwned()'>&amp;`

describe('the front page of a host', () => {
  const folder = folders()
  let world: World
  let url: string

  before(async () => {
    const lamp = service('lamp', {
      rev: 1,
      about: NASTY,
      abilities: { light: ability({ about: 'Lights', effect: 'read', nb: struct({}), ok: struct({}) }) },
    })
    world = await World.open({ dir: folder(), name: NASTY, services: [provide(lamp, { light: () => ({}) })] })
    ;({ url = '' } = await world.host.listen())
  })
  after(() => world?.close())

  const get = (accept?: string) => fetch(url, { ...(accept && { headers: { accept } }) })

  it('is for browsers; programs are told who it is as data', async () => {
    const browser = await get('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8')
    assert.equal(browser.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.equal(browser.headers.get('vary'), 'accept')
    assert.ok((await browser.text()).includes(world.did))
    for (const accept of [undefined, '*/*', 'application/json']) {
      const answer = await get(accept)
      assert.equal(answer.headers.get('content-type'), 'application/json')
      assert.deepEqual(await answer.json(), { did: world.did, name: NASTY })
    }
  })

  it('has words where a name or a service has HTML', async () => {
    const page = await (await get('text/html')).text()
    assert.equal(page.split('pwned').length, 7, 'both names and what the service says, twice each')
    assert.doesNotMatch(page, /<script|<img|&amp;/)
  })

  it('lets nothing run on it, and no other page frame it', async () => {
    const policy = (await get('text/html')).headers.get('content-security-policy') ?? ''
    for (const rule of ["default-src 'none'", "frame-ancestors 'none'", "form-action 'none'"])
      assert.ok(policy.split('; ').includes(rule), rule)
    assert.doesNotMatch(policy, /script-src/)
  })

  it('says nothing of where the key of its operator lies', async () => {
    assert.doesNotMatch(await (await get('text/html')).text(), /operator/)
  })
})
