import assert from 'node:assert/strict'
import { headings, overflow } from './reading.ts'
import { type Site, serve } from './site.ts'
import { setTheStage } from './stage.ts'

describe('the address of a host, opened in a browser', () => {
  const stage = setTheStage()
  let framing: Site

  before(async () => {
    framing = await serve(() => `<!doctype html><link rel="icon" href="data:,"><iframe src="${stage.url}/"></iframe>`)
  })
  after(() => framing?.[Symbol.asyncDispose]())

  it('tells whose it is, what it leases and how it is used, on a phone too', async () => {
    for (const [width, colorScheme] of [
      [1280, 'light'],
      [390, 'dark'],
    ] as const) {
      const { page } = await stage.visit(stage.url, { viewport: { width, height: 800 }, colorScheme })
      assert.deepEqual(await headings(page), ['a desktop', 'What it leases', 'How it is used'])
      assert.deepEqual(await overflow(page), [])
      assert.deepEqual(await page.locator('dt').allInnerTexts(), ['pin', 'dag', 'tap'])
      assert.ok((await page.locator('body').innerText()).includes(stage.host.did))
    }
  })

  it('can be put into no other page', async () => {
    const { page, complaints } = await stage.visit(framing.url)
    await page.waitForLoadState('networkidle')
    assert.equal(await page.frames()[1]?.locator('h1', { hasText: 'a desktop' }).count(), 0)
    assert.match(complaints.splice(0).join(), /frame-ancestors/)
  })
})
