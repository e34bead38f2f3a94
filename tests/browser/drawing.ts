import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { root } from '../tree.ts'

/** What the reference draws with. */
const mermaidFile = createRequire(join(root, 'reference/package.json')).resolve('@mermaid-js/tiny')

/** As wide as the column of text where such pages are mostly read. */
const COLUMN = 860

/** The smallest letters that a reader is given, in pixels. */
const SMALLEST = 12

declare global {
  // What the library leaves in a page.
  var mermaid: { initialize(options: object): void; render(id: string, text: string): Promise<{ svg: string }> }
}

export const loadMermaid = (page: Page) => page.addScriptTag({ path: mermaidFile })

/**
 * Draws a diagram.
 * @throws Error where Mermaid can't read it
 */
export const draw = (page: Page, text: string, theme: 'default' | 'dark'): Promise<void> =>
  page.evaluate(
    async ([text, theme, width]) => {
      mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', theme })
      const { svg } = await mermaid.render('diagram', text)
      document.body.innerHTML = `<div style="width: ${width}px">${svg}</div>`
      document.body.style.background = theme === 'dark' ? '#0d1117' : '#ffffff'
    },
    [text, theme, COLUMN] as const,
  )

/** What is wrong with how a diagram looks: texts that are cut off, too small, or over each other. */
export const flaws = (diagram: Locator): Promise<string[]> =>
  diagram.evaluate((drawing: SVGSVGElement, smallest) => {
    const frame = drawing.getBoundingClientRect()
    const found: string[] = []
    if (frame.width < 150 || frame.height < 150) found.push(`It is ${frame.width} by ${frame.height} pixels.`)

    const words = (element: Element) => (element.textContent ?? '').trim()
    const texts = [...drawing.querySelectorAll('foreignObject, text')].filter((element) => words(element) !== '')
    if (texts.length < 3) found.push(`It has ${texts.length} texts.`)
    const rectOf = (element: Element): DOMRect => {
      const range = document.createRange()
      range.selectNodeContents(element)
      return range.getBoundingClientRect()
    }
    const inside = (inner: DOMRect, outer: DOMRect) =>
      inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1
    const crosses = (one: DOMRect, other: DOMRect) =>
      one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1

    for (const text of texts) {
      const rect = rectOf(text)
      const scale = drawing.getScreenCTM()?.a ?? 1
      const letters = Number.parseFloat(getComputedStyle(text.querySelector('p, span, tspan') ?? text).fontSize) * scale
      if (letters < smallest) found.push(`"${words(text)}" has letters of ${letters.toFixed(1)} pixels.`)
      if (!inside(rect, frame)) found.push(`"${words(text)}" leaves the drawing.`)
      if (text.localName === 'foreignObject' && !inside(rect, text.getBoundingClientRect())) found.push(`"${words(text)}" is cut off.`)
      const shape = text.closest('.node')?.querySelector('rect, path, polygon, circle')
      if (shape && !inside(rect, shape.getBoundingClientRect())) found.push(`"${words(text)}" leaves its shape.`)
      for (const other of texts.slice(texts.indexOf(text) + 1))
        if (crosses(rect, rectOf(other))) found.push(`"${words(text)}" and "${words(other)}" are over each other.`)
    }
    return found
  }, SMALLEST)
