import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dagService } from '@symbiosis/capabilities/dag/host'
import { pinService } from '@symbiosis/capabilities/pin/host'
import { type Consent, type GateOptions, Host, openLog } from '@symbiosis/host'
import { helia } from '@symbiosis/host/helia'
import { NOW } from '../fixtures.ts'
import { Costs } from './costs.ts'
import type { Asked, Told } from './process.ts'
import { HOST_SEED } from './stage.ts'

/**
 * The process that is fuzzed: two hosts of one identity as they are run, with the pin and dag services on the Helia engine. The first lets everybody
 * through its gate, the second has the gate that hosts have by default. Whatever goes wrong in here is told.
 */
const [dir = '', limit = ''] = process.argv.slice(2)
const tell = (told: Told): void => void process.send?.(told)
const costs = new Costs(Number(limit), (costly) => tell({ kind: 'costly', ...costly }))

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (reason: unknown) =>
    tell({ kind: 'finding', what: event, text: reason instanceof Error ? `${reason.stack}` : String(reason) }),
  )
}
process.on('warning', ({ name, message, stack }) => {
  if (name !== 'ExperimentalWarning') tell({ kind: 'finding', what: 'warning', text: stack ?? message })
})

/** Everything above the level of information is a finding: a handler that failed, a task of the background that did. */
const log = openLog({
  to: { write: (line) => void (/"level":"(warn|error|fatal)"/.test(line) && tell({ kind: 'finding', what: 'log', text: line })) },
})

/** The owner answers by what the request says of itself, so that every answer occurs. */
const consent: Consent = ({ why, abilities }) => {
  if (why === 'allow') return { allow: true }
  if (why === 'deny') return { allow: false, reason: 'as it asked for' }
  return why === 'less' ? { allow: true, abilities: abilities.slice(0, 1) } : undefined
}

const open = async (name: string, gate: Partial<GateOptions>): Promise<{ host: Host; port: number }> => {
  const folder = join(dir, name)
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(join(folder, 'host.key'), JSON.stringify({ version: 1, seed: Buffer.from(HOST_SEED).toString('base64url') }), {
    mode: 0o600,
  })
  const host = await Host.open({
    dir: folder,
    engine: () => helia({ dir: join(folder, 'engine'), allowPrivateOrigins: true, retryMs: 20 }),
    services: (engine) => [pinService(engine, { answerWithinMs: 5, deadline: 1, retryMs: 50, watchEveryMs: 5 }), dagService(engine)],
    consent,
    log,
    gate,
    waitHold: 0.01,
    maxPendingPerRemote: 500,
    grace: 1,
    now: () => NOW,
  })
  const { url = '' } = await host.listen({ headersTimeout: 500, messageTimeout: 500, idleTimeout: 2000 })
  return { host, port: Number(new URL(url).port) }
}

const lifted = { burst: 1e12, perSecond: 1e12 }
const hosts = [await open('open', { connection: lifted, issuer: lifted, share: 1 }), await open('gated', {})]

const memory = () => {
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  return { rss, heapUsed }
}

process.on('message', async (asked: Asked) => {
  if (asked === 'end') {
    await Promise.all(hosts.map(({ host }) => host.close()))
    process.disconnect()
  } else if (asked === 'last') tell({ kind: 'last', ms: costs.last })
  else tell({ kind: 'figures', ...costs.figures(), ...memory() })
})
process.once('disconnect', () => process.exit())
tell({ kind: 'ready', ports: hosts.map(({ port }) => port), ...memory() })
