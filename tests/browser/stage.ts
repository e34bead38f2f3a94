import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { dagService } from '@symbiosis/capabilities/dag/host'
import { pinService } from '@symbiosis/capabilities/pin/host'
import { Host, type Request } from '@symbiosis/host'
import { helia } from '@symbiosis/host/helia'
import { build } from 'esbuild'
import { newSeen, type Seen, tapService } from '../attacks/tap.ts'
import { folders, silent } from '../fixtures.ts'
import { root } from '../tree.ts'
import { type Site, STRICT, serve } from './site.ts'
import { browsing, type Tab } from './tab.ts'

/** A host, and a site of another origin whose page is an app that may use it. */
export interface Stage {
  host: Host
  /** Where it listens. */
  url: string
  site: Site
  /** What its owner was asked. They say yes, unless it is `UNWELCOME`. */
  asked: Request[]
  /** What the handlers of the service `tap` saw. */
  seen: Seen
  /** Opens the app's page: in one browser with another one, or having run `before` in it, if told. */
  open(where?: { beside?: Tab; path?: string; before?: () => unknown }): Promise<Tab>
  /** Opens it with a symbiont in it that has a space and leases, as `kept.symbiont`. */
  leased(limits?: object, beside?: Tab): Promise<Tab>
  /** Opens any page. */
  visit: ReturnType<typeof browsing>['open']
}

/** The app as a bundler would make it: what is imported when it's used lies in files of its own. */
const bundled = async (): Promise<Map<string, Uint8Array>> => {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'tests/browser/app.ts')],
    outdir: '/',
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    logLevel: 'silent',
  })
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]))
}

const PAGE = '<!doctype html><title>Albums</title><link rel="icon" href="data:,"><script type="module" src="/app.js"></script>'

/** What the owner refuses, as the reason why something is asked for. */
export const UNWELCOME = 'Because I want it'

/** Where the same page is of nobody's origin, as one in a sandbox. */
export const NOBODY = '/nobody.html'

export const setTheStage = (): Stage => {
  const folder = folders()
  const { open } = browsing()
  const stage = {
    visit: open,
    asked: [] as Request[],
    seen: newSeen(),
    async open({ beside, path = '/', before } = {}) {
      const tab = await open(new URL(path, stage.site.url).href, beside?.page.context(), before)
      await tab.page.waitForFunction(() => 'app' in globalThis)
      return tab
    },
    async leased(limits = {}, beside) {
      const tab = await stage.open(beside && { beside })
      await tab.page.evaluate(
        async ([url, limits]) => {
          const { Symbiont, memoryWallet } = app
          kept.symbiont = await Symbiont.open({ wallet: memoryWallet(), name: 'Albums' })
          await kept.symbiont.createSpace()
          await kept.symbiont.pair(url)
          await kept.symbiont.request({ pin: {}, dag: {}, tap: {}, ...limits }, { why: 'Keep your albums' })
        },
        [stage.url, limits] as const,
      )
      return tab
    },
  } as Stage
  before(async () => {
    const files = await bundled()
    const policy = (path: string) => (path === NOBODY ? `${STRICT}; sandbox allow-scripts` : STRICT)
    stage.site = await serve((path) => (path.endsWith('.html') ? PAGE : files.get(path)), policy)
    const dir = folder()
    stage.host = await Host.open({
      dir,
      name: 'a desktop',
      engine: () => helia({ dir: join(dir, 'engine') }),
      services: (engine) => [pinService(engine), dagService(engine), tapService(stage.seen)],
      consent: async (request) => {
        stage.asked.push(request)
        // As long as it takes an owner, at the least.
        await setTimeout(20)
        return request.why === UNWELCOME ? { allow: false, reason: 'No.' } : { allow: true }
      },
      grace: 1,
      log: silent,
    })
    const { url = '' } = await stage.host.listen()
    stage.url = url
  })
  after(async () => {
    await stage.host?.close()
    await stage.site?.[Symbol.asyncDispose]()
  })
  return stage
}
