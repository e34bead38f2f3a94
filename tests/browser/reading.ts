import type { Page } from 'playwright-core'

/** The headings that a reader sees, in order, once the page shows itself. */
export const headings = async (page: Page): Promise<string[]> => {
  await page.locator('h1').first().waitFor()
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('h1, h2, h3')]
      .filter((heading) => heading.offsetHeight > 0)
      .map(({ innerText }) => innerText.trim()),
  )
}

/** What is wider than the page, so that it would have to be scrolled sideways: the innermost of it. What scrolls by itself may be. */
export const overflow = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    const wide = [...document.querySelectorAll('body *')].filter((element) => element.scrollWidth > element.clientWidth + 1)
    const names = wide.map(({ localName, textContent }) => `${localName}: ${(textContent ?? '').trim().slice(0, 60)}`)
    return [`The page is ${scrollWidth} wide, not ${clientWidth}.`, ...names.slice(-3)]
  })
