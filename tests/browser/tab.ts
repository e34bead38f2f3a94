import assert from 'node:assert/strict'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { launch } from './chromium.ts'

/** A page, and what went wrong in it. */
export interface Tab {
  readonly page: Page
  /** Errors and warnings of its console, exceptions that nobody caught, requests that failed. A test that means them takes them out. */
  readonly complaints: string[]
}

let browser: Promise<Browser> | undefined

/** One for all suites that need no other: starting it takes longer than most of what is done with it. */
const started = (): Promise<Browser> => {
  browser ??= launch()
  return browser
}

after(async () => (await browser)?.close())

/** Pages for a suite. Whatever its pages complained of fails the test in which they did. */
export const browsing = (): { open(url: string, where?: BrowserContext | BrowserContextOptions, before?: () => unknown): Promise<Tab> } => {
  let tabs: Tab[] = []
  before(started)
  afterEach(() => {
    const complaints = tabs.flatMap((tab) => tab.complaints.splice(0))
    assert.deepEqual(complaints, [])
  })
  after(async () => {
    const contexts = new Set(tabs.map(({ page }) => page.context()))
    tabs = []
    await Promise.all([...contexts].map((context) => context.close()))
  })
  return {
    /** Beside others in their context, else in one of its own, as another person's browser. */
    async open(url, where = {}, before) {
      const page = await ('newPage' in where ? where : await (await started()).newContext(where)).newPage()
      const complaints: string[] = []
      page.on('console', (said) => {
        if (said.type() === 'error' || said.type() === 'warning') complaints.push(`${said.type()}: ${said.text()}`)
      })
      page.on('pageerror', ({ stack, message }) => complaints.push(`thrown: ${stack ?? message}`))
      page.on('requestfailed', (request) => {
        const reason = request.failure()?.errorText
        // That is what the page itself lets go, as a stream of which it has read enough.
        if (reason !== 'net::ERR_ABORTED') complaints.push(`failed: ${request.url()} ${reason}`)
      })
      const tab = { page, complaints }
      tabs.push(tab)
      if (before) await page.addInitScript(before)
      await page.goto(url)
      return tab
    },
  }
}
