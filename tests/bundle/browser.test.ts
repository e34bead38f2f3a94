import assert from 'node:assert/strict'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'
import { files, root } from '../tree.ts'

/**
 * Bytes, minified and gzipped, that `page.ts` may pay for a symbiont: keys, a wallet, HTTP, asking for leases, and the client of one service. It is what
 * the stock client takes, which has no wallet and asks for nothing.
 */
const SYMBIONT_BUDGET = 57_000

interface Bundle {
  /** Paths of what went into it, from the repository's root, with what is only loaded when it's used. */
  readonly modules: string[]
  /** Of what is loaded at once. */
  readonly gzipped: number
}

/** Bundles what a page would load, with a part for each dynamic import. Whatever a browser has not makes it fail. */
async function bundle(contents: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    outdir: 'out',
    minify: true,
    write: false,
    metafile: true,
    logLevel: 'silent',
    platform: 'browser',
    format: 'esm',
  })
  const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports.flatMap(({ path, external }) => (external ? [path] : [])))
  assert.deepEqual(left, [], 'all that is imported is in the bundle')
  const gzipped = atOnce(metafile).map((path) => {
    const file = outputFiles.find((each) => each.path === join(root, path))
    assert.ok(file, path)
    return gzipSync(file.contents).length
  })
  return { modules: Object.keys(metafile.inputs), gzipped: gzipped.reduce((sum, bytes) => sum + bytes, 0) }
}

/** The files that a page waits for: that of its own code, and what that imports other than by a call. */
const atOnce = ({ outputs }: Metafile): string[] => {
  const found = new Set(Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === '<stdin>'))
  for (const path of found) for (const each of outputs[path]?.imports ?? []) if (each.kind === 'import-statement') found.add(each.path)
  return [...found]
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
    const page = await bundle("import './tests/bundle/page.ts'")
    console.log(`      ${kilobytes(page.gzipped)} KB minified and gzipped, of ${page.modules.length} modules`)
    assert.ok(page.gzipped <= SYMBIONT_BUDGET, `${page.gzipped} bytes, where ${SYMBIONT_BUDGET} is the most`)
    assert.deepEqual(foreign(page), [])
    for (const path of ['symbiont/symbiont.ts', 'symbiont/wallet.ts', 'protocol/channels/http.ts', 'capabilities/pin/index.ts']) {
      assert.ok(page.modules.includes(path), `${path} is what is weighed`)
    }
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
