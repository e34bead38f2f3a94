import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { blocksOf } from '../blocks.ts'
import { files, root } from '../tree.ts'
import { draw, flaws, loadMermaid } from './drawing.ts'
import { browsing, type Tab } from './tab.ts'

const diagrams = files()
  .filter((path) => path.endsWith('.md'))
  .flatMap((page) => blocksOf(readFileSync(join(root, page), 'utf8')).map((block) => ({ page, ...block })))
  .filter(({ language }) => language === 'mermaid')

describe('the diagrams', () => {
  const { open } = browsing()
  let tab: Tab

  before(async () => {
    tab = await open('about:blank')
    await loadMermaid(tab.page)
  })

  it('are in the guide', () => assert.ok(diagrams.filter(({ page }) => page === 'docs/guide/concepts.md').length >= 2))

  for (const [at, { page, text }] of diagrams.entries()) {
    for (const theme of ['default', 'dark'] as const) {
      it(`can be read: ${at + 1}, of ${page}, ${theme}`, async () => {
        await draw(tab.page, text, theme)
        assert.deepEqual(await flaws(tab.page.locator('svg')), [])
      })
    }
  }

  it('are seen to be wrong where they are', async () => {
    await assert.rejects(draw(tab.page, 'flowchart TD\n  a --> --> b', 'default'))
    // Too wide to be read.
    await draw(tab.page, `flowchart LR\n  ${Array.from({ length: 12 }, (_, at) => `step${at}[the step ${at}]`).join(' --> ')}`, 'default')
    assert.match((await flaws(tab.page.locator('svg'))).join(), /letters of/)
    await draw(tab.page, 'flowchart TD\n  one[the one] -- leads to --> other[the other]', 'default')
    assert.deepEqual(await flaws(tab.page.locator('svg')), [])
    await tab.page.evaluate(() => document.querySelector('.node foreignObject')?.setAttribute('width', '20'))
    assert.match((await flaws(tab.page.locator('svg'))).join(), /cut off/)
    await tab.page.evaluate(() => document.querySelector('.node .label')?.setAttribute('transform', 'translate(0, 90)'))
    assert.match((await flaws(tab.page.locator('svg'))).join(), /leaves its shape/)
  })
})
