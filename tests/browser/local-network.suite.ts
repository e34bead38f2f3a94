import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { launch } from './chromium.ts'
import { setTheStage } from './stage.ts'

/** Browsers ask the visitor before a page that came from the internet may reach their own machine or network. */
describe('a page from the internet, and a host on the machine of its visitor', () => {
  const stage = setTheStage()
  let browser: Browser

  before(async () => {
    const { host, origin } = new URL(stage.site.url)
    // The site counts as one of the internet, which would have a certificate.
    browser = await launch([`--ip-address-space-overrides=${host}=public`, `--unsafely-treat-insecure-origin-as-secure=${origin}`])
  })
  after(() => browser?.close())

  /** Opens a symbiont, and then pairs it: what came of that, and what was asked of the host before. */
  const paired = async (permissions: string[]) => {
    const context = await browser.newContext({ permissions })
    const page = await context.newPage()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).origin))
    await page.goto(stage.site.url)
    await page.waitForFunction(() => 'app' in globalThis)
    await page.evaluate(async () => {
      kept.symbiont = await app.Symbiont.open({ wallet: app.memoryWallet() })
      await kept.symbiont.createSpace()
    })
    assert.ok(!asked.includes(new URL(stage.url).origin), 'nothing is asked of a host before the app says so')
    const outcome = await page.evaluate(async (url) => {
      try {
        return { name: (await kept.symbiont.pair(url)).name }
      } catch (thrown) {
        const { name, details } = thrown as InstanceType<typeof app.Failure>
        return { name, hint: details.hint }
      }
    }, stage.url)
    await context.close()
    return outcome
  }

  it('meet where the visitor allows it', async () => {
    assert.deepEqual(await paired(['local-network-access']), { name: 'a desktop' })
  })

  it("don't where they do not, and the app is told where to look", async () => {
    const { name, hint } = await paired([])
    assert.equal(name, 'Unavailable')
    assert.match(String(hint), /browser/)
  })
})
