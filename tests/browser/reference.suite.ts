import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { folders } from '../fixtures.ts'
import { root } from '../tree.ts'
import { flaws } from './drawing.ts'
import { headings, overflow } from './reading.ts'
import { type Site, serve } from './site.ts'
import { browsing } from './tab.ts'

/** Pages of each kind, and headings that a reader looks for there. */
const PAGES: { readonly [path: string]: readonly string[] } = {
  '/': ['Documentation'],
  '/classes/_symbiosis_symbiont.Symbiont.html': ['Class Symbiont', 'Methods', 'createSpace'],
  '/modules/_symbiosis_protocol_unix.html': ['Module @symbiosis/protocol/unix', 'Functions'],
  '/documents/guide_Concepts.html': ['Concepts', 'Two signatures'],
  '/documents/guide_For_symbiont_authors.html': ['For symbiont authors', 'In a page'],
  '/documents/spec_Authorization.html': ['Authorization'],
}

const WIDE = { viewport: { width: 1280, height: 900 } }
const NARROW = { viewport: { width: 390, height: 844 } }

describe('the reference, in a browser', function () {
  this.timeout(120_000)
  const { open } = browsing()
  const folder = folders()
  let out: string
  let site: Site

  before(async () => {
    out = folder()
    execFileSync(process.execPath, ['reference/make.ts', out], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const read = (path: string) => (existsSync(join(out, path)) ? readFileSync(join(out, path)) : undefined)
    site = await serve((path) => read(decodeURIComponent(path)))
  })
  after(() => site?.[Symbol.asyncDispose]())

  it('shows pages of each kind, to phones too', async () => {
    const { page } = await open(site.url, WIDE)
    for (const [path, expected] of Object.entries(PAGES)) {
      await page.goto(site.url + path)
      const found = await headings(page)
      for (const heading of expected) assert.ok(found.includes(heading), `${path} has ${found}`)
      for (const size of [NARROW, WIDE]) {
        await page.setViewportSize(size.viewport)
        assert.deepEqual(await overflow(page), [], path)
      }
    }
  })

  it('has all that is written on a phone, without scrolling sideways', async () => {
    const written = readdirSync(join(out, 'documents'))
    assert.ok(written.length >= 15)
    const { page } = await open(site.url, NARROW)
    for (const name of written) {
      await page.goto(`${site.url}/documents/${encodeURIComponent(name)}`)
      assert.ok((await headings(page)).length > 0, name)
      assert.deepEqual(await overflow(page), [], name)
    }
  })

  it('leads from its front page to pages, not to files', async () => {
    const { page } = await open(site.url)
    const links = await page.evaluate(() => [...document.querySelectorAll<HTMLAnchorElement>('.tsd-typography a')].map(({ href }) => href))
    assert.ok(links.length >= 12)
    for (const link of links) {
      const response = await fetch(link)
      assert.equal(response.status, 200, link)
      assert.match(response.headers.get('content-type') ?? '', /^text\/html/, link)
    }
  })

  it('has no link of a kind that browsers have no use for', async () => {
    const { page } = await open(`${site.url}/classes/_symbiosis_symbiont.Symbiont.html`)
    const kinds = await page.evaluate(() => [...document.querySelectorAll('a')].map(({ protocol }) => protocol))
    assert.deepEqual([...new Set(kinds)].sort(), ['http:', 'https:'])
  })

  it('draws diagrams, in the colours of the page', async () => {
    const colours = []
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await open(`${site.url}/documents/guide_Concepts.html`, { ...WIDE, colorScheme })
      await page.waitForFunction(() => document.querySelectorAll('figure > svg').length === 2)
      assert.equal(await page.locator('code.mermaid').count(), 0)
      for (const diagram of await page.locator('figure > svg').all()) assert.deepEqual(await flaws(diagram), [])
      colours.push(await page.evaluate(() => getComputedStyle(document.querySelector('.node rect') as Element).fill))
    }
    assert.notEqual(colours[0], colours[1])
  })

  it('finds what is searched for', async () => {
    const { page } = await open(site.url, WIDE)
    await page.locator('#tsd-search-trigger').click()
    await page.keyboard.type('createSpace')
    await page.locator('#tsd-search-results li', { hasText: 'createSpace' }).first().waitFor()
  })
})
