import { hostname } from 'node:os'
import { join } from 'node:path'
import { Symbiont } from '@symbiosis/symbiont'
import { connectNode, fileFilters, fileWallet } from '@symbiosis/symbiont/node'
import type { Output } from './output.ts'
import { walletFolder } from './places.ts'
import type { Run } from './run.ts'

export const walletFile = (home?: string): string => join(walletFolder(home), 'wallet.json')

/** The symbiont of this user as it is; the first opening makes its key. */
export const openSymbiont = ({ globals }: Pick<Run, 'globals'>): Promise<Symbiont> =>
  Symbiont.open({
    wallet: fileWallet(walletFile(globals.home)),
    filters: fileFilters(join(walletFolder(globals.home), 'filters')),
    connect: connectNode,
    name: `symbiosis on ${hostname()}`,
  })

/** The symbiont of this user, with a space to act for: where there is none, one is made, and its phrase offered. */
export const openWithSpace = async (run: Run): Promise<Symbiont> => {
  const symbiont = await openSymbiont(run)
  if (symbiont.spaces().length === 0) showPhrase((await symbiont.createSpace()).phrase, run)
  return symbiont
}

/** What a call is narrowed to by the global options. */
export const choiceOf = ({ globals: { host, space } }: Run) => ({ ...(host && { host }), ...(space && { space }) })

/** To people only, and never on stdout, where it would end up in a file. */
const showPhrase = (phrase: string, { output, globals }: Pick<Run, 'output' | 'globals'>): void =>
  output.warn(phraseText(phrase, output, walletFile(globals.home)))

const phraseText = (phrase: string, { paintNote }: Output, file: string): string => {
  const words = phrase.split(' ')
  const columns = 4
  const rows = Array.from({ length: Math.ceil(words.length / columns) }, (_, row) => words.slice(row * columns, (row + 1) * columns))
  const cells = rows.map((row, at) =>
    row.map((word, column) => `${String(at * columns + column + 1).padStart(2)} ${paintNote('bold', word.padEnd(9))}`),
  )
  return [
    '',
    `  A new space was made; its key is with this device: ${file}`,
    `  ${paintNote(['yellow', 'bold'], 'Write these words down.')} They are shown this once, and only they bring the space back if the device is lost.`,
    '',
    ...cells.map((row) => `    ${row.join('  ')}`),
    '',
    `  ${paintNote('dim', 'On another device: symbiosis recover')}`,
    '',
  ].join('\n')
}
