import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { Host, type HostOptions } from '../../host/index.ts'
import { jarService } from '../attacks/jar.ts'
import { emptyEngine, silent } from '../fixtures.ts'

/** How often hosts are killed: enough to notice what breaks often, and as often as `npm run test:kills` asks to notice the rest. */
export const KILLS = Number(process.env.SYMBIOSIS_KILLS ?? 50)

/** The host that child processes run: it grants what is asked, and listens on a socket in its folder. */
export const createJarHost = async (dir: string, over: Partial<HostOptions> = {}): Promise<{ host: Host; socket: string }> => {
  const services = () => [jarService()]
  const consent = () => ({ allow: true as const })
  // Tests count the entries of its log: without a manifest they are revocations alone.
  const quiet = { log: silent, collectEvery: 0, manifestLife: 0 }
  const host = await Host.open({ dir, engine: emptyEngine(), services, consent, ...quiet, ...over })
  const socket = join(dir, 'host.sock')
  await host.listen({ port: false, socket })
  return { host, socket }
}

/** Starts a host in a process of its own, such a one unless told; resolves when it listens. */
export const startHost = (
  dir: string,
  program = join(import.meta.dirname, 'kill-host.ts'),
  ...more: string[]
): Promise<{ child: ChildProcess; did: string; socket: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, dir, ...more], { stdio: ['ignore', 'pipe', 'pipe'] })
    let [output, complaint] = ['', '']
    child.stderr.on('data', (data) => {
      complaint += data
    })
    child.stdout.on('data', (data) => {
      output += data
      if (output.includes('\n'))
        resolve({ child, ...(JSON.parse(output.slice(0, output.indexOf('\n'))) as { did: string; socket: string }) })
    })
    child.on('error', reject)
    child.on('close', () => reject(new Error(`The host did not start: ${complaint}`)))
  })

export const killed = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once('close', () => resolve())
    child.kill('SIGKILL')
  })
