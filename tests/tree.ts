import { execFileSync } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The repository's folder. */
export const root = join(import.meta.dirname, '..')

/** What a commit of everything here would hold: paths from the root, tracked or new, without what is ignored. */
export function files(): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' })
  return list.split('\0').filter((path) => path !== '' && existsSync(join(root, path)))
}

/** Copies those files to `folder`, as a fresh clone would have them. */
export function copyTree(folder: string): void {
  for (const path of files()) cpSync(join(root, path), join(folder, path), { recursive: true })
}

/** The environment of a person's shell: nothing that npm set for us, and the machine's own Node first. */
export function shell(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE$|NODE_|INIT_CWD$|MOCHA)/i.test(name))
  const PATH = (process.env.PATH ?? '').split(delimiter).filter((folder) => !/node_modules|node-gyp-bin/.test(folder))
  return { ...Object.fromEntries(own), PATH: PATH.join(delimiter), ...extra }
}
