import assert from 'node:assert/strict'
import { isBuiltin } from 'node:module'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import { files, root } from '../tree.ts'

/**
 * Bytes, minified and gzipped, that `page.ts` may pay for a symbiont: keys, a wallet, HTTP, asking for leases, and the client of one service. It is what
 * the stock client takes, which has no wallet and asks for nothing.
 */
const SYMBIONT_BUDGET = 57_000

/** The same with what is loaded when it's used: what a page pays whose bundler makes one file of all. */
const WHOLE_BUDGET = 71_000

interface Bundle {
  /** Paths of what went into it, from the repository's root. */
  readonly modules: string[]
  readonly gzipped: number
}

/** Leaves out what is imported by a call. How bundlers cut it off differs, and so what that costs: esbuild makes a second file that both share. */
const atOnce: Plugin = {
  name: 'at-once',
  setup: ({ onResolve }) =>
    onResolve({ filter: /./ }, ({ kind, path }) => (kind === 'dynamic-import' ? { path, external: true } : undefined)),
}

/** Bundles what a page would load. Whatever a browser has not makes it fail. */
async function bundle(contents: string, ...plugins: Plugin[]): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    plugins,
    logLevel: 'silent',
    platform: 'browser',
    format: 'esm',
  })
  const left = Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.flatMap(({ path, kind }) => (kind === 'dynamic-import' ? [] : [path])),
  )
  assert.deepEqual(left, [], 'all that is imported is in the bundle')
  return { modules: Object.keys(metafile.inputs), gzipped: gzipSync(outputFiles[0]?.contents ?? '').length }
}

/** What of it belongs to a host, to Node, or to the operating of hosts. */
const foreign = ({ modules }: Bundle): string[] =>
  modules.filter(
    (path) =>
      /^(host|cli)\/|^capabilities\/.*\bhost\.ts$|^symbiont\/node(-\w+)?\.ts$|^protocol\/channels\/unix\.ts$/.test(path) || isBuiltin(path),
  )

const kilobytes = (bytes: number) => (bytes / 1000).toFixed(1)
const services = files().flatMap((path) => /^capabilities\/([^/]+)\/index\.ts$/.exec(path)?.[1] ?? [])

describe('for a browser', () => {
  it(`a symbiont with one service fits ${kilobytes(SYMBIONT_BUDGET)} KB`, async () => {
    const whole = await bundle("import './tests/bundle/page.ts'")
    const page = await bundle("import './tests/bundle/page.ts'", atOnce)
    console.log(`      ${kilobytes(page.gzipped)} KB minified and gzipped, of ${page.modules.length} modules`)
    console.log(`      ${kilobytes(whole.gzipped)} KB with what is loaded when it's used, of ${whole.modules.length}`)
    assert.ok(whole.gzipped <= WHOLE_BUDGET, `${whole.gzipped} bytes, where ${WHOLE_BUDGET} is the most`)
    assert.deepEqual(foreign(whole), [])
    assert.ok(page.gzipped <= SYMBIONT_BUDGET, `${page.gzipped} bytes, where ${SYMBIONT_BUDGET} is the most`)
    assert.deepEqual(foreign(page), [])
    for (const path of ['symbiont/symbiont.ts', 'symbiont/wallet.ts', 'protocol/channels/http.ts', 'capabilities/pin/index.ts']) {
      assert.ok(page.modules.includes(path), `${path} is what is weighed`)
    }
    for (const later of ['symbiont/delegating.ts', 'symbiont/verifying.ts', 'symbiont/manifests.ts', 'protocol/manifest/verify.ts'])
      assert.deepEqual([page.modules.includes(later), whole.modules.includes(later)], [false, true], later)
  })

  const entries = {
    protocol: 'protocol/index.ts',
    symbiont: 'symbiont/index.ts',
    ...Object.fromEntries(services.map((name) => [`capabilities/${name}`, `capabilities/${name}/index.ts`])),
  }
  for (const [name, entry] of Object.entries(entries)) {
    it(`all of ${name} bundles without a host's half`, async () => {
      const all = await bundle(`export * from './${entry}'`)
      console.log(`      ${kilobytes(all.gzipped)} KB minified and gzipped`)
      assert.deepEqual(foreign(all), [])
    })
  }

  it('covers a service at least', () => assert.notDeepEqual(services, []))

  it('refuses what only Node has', async () => {
    await assert.rejects(bundle("import 'node:fs'"), /node:fs/)
    await assert.rejects(bundle("import 'fs'"), /"fs"/)
    await assert.rejects(bundle("import './protocol/channels/unix.ts'"), /node:/)
  })

  it('sees the half of a host', async () => {
    const page = await bundle("import { pinService } from '@symbiosis/capabilities/pin/host'\nconsole.log(pinService)")
    assert.ok(foreign(page).includes('capabilities/pin/host.ts'), foreign(page).join())
  })
})
