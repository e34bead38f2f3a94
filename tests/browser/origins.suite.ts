import assert from 'node:assert/strict'
import { CAR_TYPE } from '@symbiosis/protocol'
import { NOBODY, setTheStage } from './stage.ts'
import type { Tab } from './tab.ts'

describe('a host, to pages of any origin', () => {
  const stage = setTheStage()

  /** Sends what is no message. The answer's code, or `blocked` where the browser keeps it from the page. */
  const posted = ({ page }: Tab, init: { headers?: Record<string, string>; method?: string; credentials?: RequestCredentials }) =>
    page.evaluate(
      ([url, init]) =>
        fetch(url, { method: 'POST', body: 'nonsense', ...init }).then(
          async (response) => ((await response.json()) as { error: { name: string } }).error.name,
          () => 'blocked',
        ),
      [stage.url, init] as const,
    )

  it('allows the headers that it needs, and tells pages why it refuses', async () => {
    const tab = await stage.open()
    // No simple content type: the browser asks first whether it may.
    assert.equal(await posted(tab, { headers: { 'content-type': CAR_TYPE, accept: CAR_TYPE } }), 'Malformed')
    assert.match(tab.complaints.splice(0).join(), /400/)
  })

  it('allows no other header, no other method, and nothing with cookies', async () => {
    const tab = await stage.open()
    for (const init of [{ headers: { authorization: 'Bearer x' } }, { method: 'PUT' }, { credentials: 'include' }] as const)
      assert.equal(await posted(tab, init), 'blocked', JSON.stringify(init))
    assert.equal(tab.complaints.splice(0).filter((complaint) => /CORS policy/.test(complaint)).length, 3)
  })

  it('is sent no cookie, and sets none', async () => {
    const tab = await stage.open()
    const context = tab.page.context()
    // Cookies know no ports: this one is of the host's own name.
    await context.addCookies([{ name: 'of', value: 'the site', url: stage.site.url }])
    const sent: (string | undefined)[] = []
    const set: (string | undefined)[] = []
    tab.page.on('response', async (response) => {
      if (!response.url().startsWith(stage.url)) return
      set.push((await response.allHeaders())['set-cookie'])
      sent.push((await response.request().allHeaders()).cookie)
    })
    const name = await tab.page.evaluate(async (url) => {
      const symbiont = await app.Symbiont.open({ wallet: app.memoryWallet() })
      return (await symbiont.pair(url)).name
    }, stage.url)
    await context.close()
    assert.equal(name, 'a desktop')
    assert.ok(sent.length >= 2)
    assert.deepEqual(
      [...sent, ...set].filter((cookie) => cookie !== undefined),
      [],
    )
  })

  it('shows them who it is, its manifest and its log, and not how it fares', async () => {
    const tab = await stage.open()
    const got = (path: string, cache: RequestCache = 'default') =>
      tab.page.evaluate(
        ([url, cache]) =>
          fetch(url, { cache }).then(
            async (response) => ({ status: response.status, type: response.headers.get('content-type'), text: await response.text() }),
            () => undefined,
          ),
        [new URL(path, stage.url).href, cache] as const,
      )
    assert.equal(JSON.parse((await got('/'))?.text ?? '').did, stage.host.did)
    const manifest = await got('/.well-known/symbiosis')
    assert.equal(manifest?.type, 'application/vnd.ipld.dag-json')
    // Asked for again with what the browser has of it, it comes whole to the page.
    assert.deepEqual(await got('/.well-known/symbiosis', 'no-cache'), manifest)
    assert.match((await got('/log/checkpoint'))?.text ?? '', /\/revocations\n/)
    assert.equal(await got('/metrics'), undefined)
    assert.match(tab.complaints.splice(0).join(), /CORS policy/)
  })

  it('serves a page without an origin, and tells the owner that it has none', async () => {
    const { page } = await stage.open({ path: NOBODY })
    const granted = await page.evaluate(async (url) => {
      const symbiont = await app.Symbiont.open({ wallet: app.memoryWallet(), name: 'Your bank' })
      await symbiont.pair(url)
      const leases = await symbiont.request({ pin: {} })
      return [self.origin, leases.length, (await symbiont.use(app.pin).list({})).pins.length]
    }, stage.url)
    assert.deepEqual(granted, ['null', 1, 0])
    const { origin, app: claimed } = stage.asked.at(-1) ?? {}
    assert.deepEqual([origin, claimed], ['null', 'Your bank'])
  })
})
