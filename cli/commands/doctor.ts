import { existsSync } from 'node:fs'
import { access, Failure, toRefusal } from '@symbiosis/protocol'
import { unixGet } from '@symbiosis/protocol/unix'
import { formatDuration, type Symbiont } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import type { Output } from '../output.ts'
import { hostFolder, socketOf } from '../places.ts'
import { act, type Run } from '../run.ts'
import { plain, table } from '../text.ts'
import { openSymbiont, walletFile } from '../wallet.ts'

/** One thing that was looked at. */
interface Check {
  what: string
  ok: boolean
  message: string
  hint?: string
}

const SOON = 3 * 86_400
const PATIENCE_MS = 5000

export const doctor = (program: Command): Command =>
  program
    .command('doctor')
    .description('Check that all this needs is in order')
    .action(
      act(async (run) => {
        const checks = [checkNode(), ...(await checkWallet(run)), await checkLocalHost()]
        const ok = checks.every((check) => check.ok)
        run.output.result({ ok, checks }, describe(checks, run.output))
        if (!ok) process.exitCode = 1
      }),
    )

const checkNode = (): Check => ({ what: 'node', ok: true, message: process.versions.node })

const checkWallet = async (run: Run): Promise<Check[]> => {
  const file = walletFile(run.globals.home)
  if (!existsSync(file))
    return [{ what: 'wallet', ok: true, message: `none yet at ${file}`, hint: 'It is made at the first use, or by: symbiosis init' }]
  try {
    await using symbiont = await openSymbiont(run)
    const spaces = symbiont.spaces()
    const message = `${file}, ${spaces.length} ${spaces.length === 1 ? 'space' : 'spaces'}`
    return [{ what: 'wallet', ok: true, message }, ...(await checkHosts(symbiont, run.signal)), ...checkLeases(symbiont)]
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown
    return [{ what: 'wallet', ok: false, ...told(thrown) }]
  }
}

const checkHosts = (symbiont: Symbiont, signal: AbortSignal): Promise<Check[]> =>
  Promise.all(
    symbiont.hosts().map(async ({ did, name }): Promise<Check> => {
      const what = `host ${plain(name)}`
      const began = performance.now()
      const { error } = await symbiont
        .try(access, { host: did })
        .hello({}, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) })
      signal.throwIfAborted()
      if (!error) return { what, ok: true, message: `answers in ${Math.round(performance.now() - began)} ms` }
      return {
        what,
        ok: false,
        ...(error.name === 'Cancelled' ? { message: `did not answer within ${PATIENCE_MS / 1000} s` } : told(Failure.fromRefusal(error))),
      }
    }),
  )

const checkLeases = (symbiont: Symbiont): Check[] =>
  symbiont.leases().map(({ can, hostName, expires, state }) => {
    const what = `lease ${can} of ${plain(hostName)}`
    const left = Math.floor(expires - Date.now() / 1000)
    const again = `symbiosis request ${can.split('/', 1)[0]}`
    if (state !== 'valid') return { what, ok: false, message: state, hint: `Ask for a new one: ${again}` }
    return {
      what,
      ok: true,
      message: `ends in ${formatDuration(left)}`,
      ...(left < SOON && { hint: 'Renew it: symbiosis leases --renew' }),
    }
  })

/** Whether a host of one's own runs is nothing that could be wrong. */
const checkLocalHost = async (): Promise<Check> => {
  const socket = socketOf(hostFolder())
  const running = await unixGet(socket, '/healthz').then(
    ({ ok }) => ok,
    () => false,
  )
  return { what: 'own host', ok: true, message: running ? `runs, at ${socket}` : 'none runs on this machine' }
}

const told = (thrown: Failure): { message: string; hint?: string } => {
  const { message, hint } = toRefusal(thrown)
  return { message, ...(hint && { hint }) }
}

const describe = (checks: readonly Check[], { paint }: Output): string =>
  table(
    checks.map(({ what, ok, message, hint }) => [
      `${ok ? paint('green', '✓') : paint('red', '✗')} ${what}`,
      `${plain(message)}${hint ? `   ${paint('dim', plain(hint))}` : ''}`,
    ]),
  )
