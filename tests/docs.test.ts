import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { blocksOf } from './blocks.ts'
import { Running } from './running.ts'
import { root } from './tree.ts'

const pages = globSync('docs/**/*.md', { cwd: root }).sort()
const read = (page: string) => readFileSync(join(root, page), 'utf8')
const guide = pages
  .filter((page) => page.startsWith('docs/guide/'))
  .flatMap((page) => blocksOf(read(page)).map((block) => ({ page, ...block })))

describe('the documentation', function () {
  this.timeout(120_000)

  // As the programs of an app would lie: a folder with the packages in its `node_modules`.
  const temp = mkdtempSync(join(tmpdir(), 'symbiosis-docs-'))
  symlinkSync(join(root, 'node_modules'), join(temp, 'node_modules'))
  let host: Running
  let url: string

  before(async () => {
    const command = `exec ${process.execPath} cli/bin.js host --dir ${join(temp, 'host')} --port 0 --approve all`
    host = new Running(command, root, { ...process.env, XDG_STATE_HOME: temp })
    url = (await host.listening()).replace(/\/$/, '')
  })

  after(async () => {
    await host.interrupt()
    rmSync(temp, { recursive: true, force: true })
  })

  it('has no link that leads nowhere', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#\s]+)/g)]
        .map(([, link]) => join(dirname(page), link as string))
        .filter((target) => !existsSync(join(root, target)))
        .map((target) => `${page}: ${target}`),
    )
    assert.deepEqual(broken, [])
  })

  it('names every page in its index', () => {
    const index = read('docs/README.md')
    const missing = pages.map((page) => relative('docs', page)).filter((page) => page !== 'README.md' && !index.includes(`](${page})`))
    assert.deepEqual(missing, [])
  })

  it('has TypeScript in its guide that runs, and nothing else of it', () => {
    const programs = guide.filter(({ language }) => language === 'ts')
    assert.ok(programs.length > 0)
    assert.deepEqual(
      programs.filter(({ run }) => run === undefined),
      [],
    )
  })

  for (const { page, run, language, text } of guide.filter(({ run }) => run !== undefined)) {
    it(`runs ${run} of ${page}`, async () => {
      const file = join(temp, `${run}.${language}`)
      writeFileSync(file, text.replaceAll('http://127.0.0.1:4747', url))
      const program = new Running(`exec ${process.execPath} ${file}`, temp, process.env)
      assert.equal(await program.exit, 0, program.output)
    })
  }

  it('writes commands that there are, with options that they have', () => {
    const lines = guide
      .filter(({ language }) => language === 'console')
      .flatMap(({ text }) => [...text.matchAll(/^\$ symbiosis ([^#\n]*)/gm)])
    assert.ok(lines.length > 0)
    for (const [line, typed] of lines) {
      const words = (typed as string).trim().split(/\s+/)
      const names = words.slice(0, words.findIndex((word) => !/^[a-z-]+$/.test(word) || word.startsWith('--')) >>> 0)
      const known = helps(names.length === 0 ? words : names)
      for (const option of words.filter((word) => word.startsWith('--')))
        assert.ok(known.includes(option), `${line}: no ${option} in\n${known}`)
    }
  })

  /** What the command that the first of these words name says of itself; the others are what it is given. */
  const helps = (words: readonly string[]): string => {
    const said = execFileSync(process.execPath, ['cli/bin.js', ...words.slice(0, 2), '--help'], { cwd: root, encoding: 'utf8' })
    const name = /^Usage: symbiosis ([a-z -]*?)(?: \[| <|$)/m.exec(said)?.[1] ?? ''
    assert.ok(words.join(' ').startsWith(name) && name !== '', `symbiosis ${words.join(' ')}: there is ${name || 'no such command'}`)
    return said
  }
})
