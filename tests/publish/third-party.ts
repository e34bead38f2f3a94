import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { root, shell } from '../tree.ts'
import { folder, json, packages } from './packed.ts'

/** What a new service is developed with. */
const TOOLS = /^node_modules\/(@?typescript|@types\/node|undici-types)(\/|$)/

/** Somebody elsewhere, with Node and npm, and our packages where the registry would have them. */
export class ThirdParty {
  readonly home = folder()

  get env(): NodeJS.ProcessEnv {
    const env = shell({
      SYMBIOSIS_DIR: join(this.home, 'host'),
      SYMBIOSIS_HOME: join(this.home, 'wallet'),
      XDG_CACHE_HOME: join(this.home, 'cache'),
    })
    // Whom this machine trusts when it asks the registry is no matter of our shell's.
    const { NODE_EXTRA_CA_CERTS } = process.env
    return { ...env, ...(NODE_EXTRA_CA_CERTS && { NODE_EXTRA_CA_CERTS }), PATH: [dirname(process.execPath), env.PATH].join(delimiter) }
  }

  /** What a command prints. Its failure shows all that it printed. */
  run(command: string, cwd = this.home, expected = 0): string {
    const { status, stdout, stderr, error } = spawnSync('bash', ['-c', command], { cwd, env: this.env, encoding: 'utf8' })
    assert.equal(status, expected, `${command}: ${error ?? `exit ${status}`}\n${stdout}${stderr}`)
    return stdout
  }

  /** `npm create symbiosis-service NAME`, which runs the command of the package of that name. */
  create(name: string, expected = 0): string {
    return this.run(
      `npm exec --yes --package=${tarballOf('create-symbiosis-service')} -- create-symbiosis-service ${name}`,
      this.home,
      expected,
    )
  }

  /**
   * `npm install` where the registry has none of our packages yet: they come from their tarballs. Beside them stands exactly what our lock file
   * names: resolving all of it anew takes minutes, and a release of somebody else's can't change the outcome.
   */
  install(project: string, dependencies: { readonly [name: string]: string } = {}): void {
    const file = join(project, 'package.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8'))
    const ours = Object.fromEntries(packages().map(({ manifest: { name }, tarball }) => [name, `file:${tarball}`]))
    const whole = { ...manifest, dependencies, devDependencies: { ...manifest.devDependencies, ...ours } }
    writeFileSync(file, JSON.stringify(whole, null, 2))
    const { lockfileVersion, packages: known } = json(join(root, 'package-lock.json'))
    const locked = Object.fromEntries(
      Object.entries<{ link?: boolean; dev?: boolean }>(known).filter(
        ([path, { link, dev }]) => path.startsWith('node_modules/') && !link && (!dev || TOOLS.test(path)),
      ),
    )
    for (const { manifest: mine, workspace } of packages()) {
      const at = `node_modules/${mine.name}`
      locked[at] = { ...mine, resolved: ours[mine.name] } as never
      for (const [path, entry] of Object.entries<object>(known))
        if (path.startsWith(`${workspace}/`)) locked[at + path.slice(workspace.length)] = entry
    }
    writeFileSync(
      join(project, 'package-lock.json'),
      JSON.stringify({ name: whole.name, lockfileVersion, packages: { '': whole, ...locked } }),
    )
    this.run('npm ci --prefer-offline --omit=peer --ignore-scripts --no-audit --no-fund && npm run prepare', project)
  }

  /** `symbiosis host`, at a port that is free. */
  async host(project: string, ...args: string[]): Promise<{ url: string; did: string; stop(): Promise<number | null> }> {
    const child = spawn('node_modules/.bin/symbiosis', ['host', '--json', '--port', '0', ...args], {
      cwd: project,
      env: this.env,
    })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    const exit = once(child, 'exit').then(([code]) => code as number | null)
    const first = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line').then(([line]) => line as string),
      exit.then((code) => Promise.reject(new Error(`The host ended with ${code}: ${stderr}`))),
    ])
    const { url, did } = JSON.parse(first)
    return {
      url,
      did,
      async stop() {
        child.kill('SIGTERM')
        return exit
      },
    }
  }
}

const tarballOf = (name: string): string => packages().find(({ manifest }) => manifest.name === name)?.tarball as string
