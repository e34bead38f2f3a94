import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pagesOf } from '../../cli/generating/pages.ts'
import { NASTY, nasty } from '../cli/nasty.ts'
import { folders } from '../fixtures.ts'
import { signed, verify } from '../protocol/manifest/making.ts'
import { Running } from '../running.ts'
import { root } from '../tree.ts'
import { rendered } from './markdown.ts'
import { headings, overflow } from './reading.ts'
import { type Site, serve } from './site.ts'
import { browsing } from './tab.ts'

describe('the pages that are written of a host', () => {
  const { open } = browsing()
  const folder = folders()
  const sites: Site[] = []
  /** The pages as they were written, by their names. */
  let pages: Map<string, string>
  let site: Site

  const show = async (shown: ReadonlyMap<string, string>): Promise<Site> => {
    const made = await serve((path) => {
      const text = shown.get(path.replace(/^\/(.*)\.html$/, '$1.md'))
      return text && rendered(text)
    })
    sites.push(made)
    return made
  }

  before(async function () {
    this.timeout(60_000)
    const [dir, out] = [folder(), folder()]
    const command = (words: string) =>
      new Running(`exec ${process.execPath} cli/bin.js ${words}`, root, { ...process.env, XDG_STATE_HOME: dir })
    const host = command(`host --dir ${dir} --port 0 --approve none --dht server --log-level error`)
    const docs = command(`docs ${await host.listening()} -o ${out}`)
    assert.equal(await docs.exit, 0, docs.output)
    await host.interrupt()
    pages = new Map(readdirSync(out).map((name) => [name, readFileSync(join(out, name), 'utf8')]))
    site = await show(pages)
  })
  after(() => Promise.all(sites.map((each) => each[Symbol.asyncDispose]())))

  it('have headings, whole tables and links that lead somewhere, and fit a phone', async () => {
    assert.ok(pages.size >= 8)
    const { page } = await open(site.url.concat('/README.html'), { viewport: { width: 390, height: 844 } })
    for (const name of pages.keys()) {
      await page.goto(`${site.url}/${name.replace('.md', '.html')}`)
      assert.deepEqual(await overflow(page), [], name)
      const found = await headings(page)
      assert.equal(found[0], name === 'README.md' ? 'What this host leases' : name.replace('.md', ''))
      const told = await page.evaluate(() => ({
        links: [...document.links].map(({ href }) => href),
        crooked: [...document.querySelectorAll('table')].filter(({ rows }) => new Set([...rows].map(({ cells }) => cells.length)).size > 1)
          .length,
        tables: document.querySelectorAll('table').length,
        headless: [...document.querySelectorAll('th')].filter(({ innerText }) => innerText.trim() === '').length,
        // What stayed as it is written.
        raw: /^\s*\||\*\*|\]\(/m.test(document.body.innerText),
      }))
      assert.ok(told.tables > 0, name)
      assert.deepEqual([told.crooked, told.headless, told.raw], [0, 0, false], name)
      for (const link of told.links) assert.equal((await fetch(link)).status, 200, link)
    }
  })

  it('have a heading for every ability', async () => {
    const { page } = await open(`${site.url}/pin.html`)
    const found = await headings(page)
    for (const can of ['pin/add', 'pin/list', 'pin/watch', 'pin/remove', 'pin/status']) assert.ok(found.includes(can), can)
  })

  it('hold nothing that a host could have run, shown or linked to, even where HTML is taken as it is', async () => {
    const manifest = verify(await signed())
    const evil = await show(pagesOf(manifest, [nasty('evil')]))
    for (const name of ['README', 'evil']) {
      const { page } = await open(`${evil.url}/${name}.html`)
      const told = await page.evaluate(() => ({
        links: [...document.links].map(({ href }) => new URL(href).pathname),
        foreign: document.querySelectorAll('script, img, iframe, form, input').length,
        text: document.body.innerText,
        pwned: 'pwned' in globalThis,
      }))
      assert.deepEqual(told.links, name === 'README' ? ['/evil.html'] : [])
      assert.deepEqual([told.foreign, told.pwned], [0, false])
      // As words it is all there.
      for (const words of ['<script>pwned()</script>', 'http://pwned.test', 'www.pwned.test', '[pwned](javascript:pwned)'])
        assert.ok(NASTY.some((text) => text.includes(words)) && told.text.includes(words), words)
    }
  })
})
