import { brief, Failure, UcanMemory } from '@symbiosis/protocol'
import { decodeEntry, type Entry, isProved, type LogFrame, type RevocationEntry } from '@symbiosis/protocol/revocation'
import type { Command } from 'commander'
import { LogReader } from '../log-reader.ts'
import { ManifestTrail, shownManifest } from '../manifest-trail.ts'
import { HOST_PLACE } from '../options.ts'
import { Progress } from '../progress.ts'
import { act } from '../run.ts'
import { fields, shortDid, table, timeText } from '../text.ts'
import { verifyFraud } from './verify-fraud.ts'

export const logs = (program: Command): void => {
  const group = program.command('log').description("Read a host's log of revocations, and hold the host to it")
  showLog(group)
  verifyLog(group)
  watchLog(group)
  verifyFraud(group)
}

const showLog = (group: Command) =>
  group
    .command('show')
    .argument('[host]', HOST_PLACE)
    .description('Show what the host has signed, and the last entries')
    .option('--last <number>', 'how many entries', Number, 10)
    .action(
      act<[string?], { last: number }>(async (run, { last }, name) => {
        const { output } = run
        const reader = await LogReader.open(name, run)
        const { size, root, note, cosigned } = await reader.checkpoint()
        const from = Math.max(0, size - (last > 0 ? Math.floor(last) : 0))
        const entries: Told[] = []
        for await (const entry of reader.entries(from, size)) entries.push(tell(entry, from + entries.length))
        const encoded = Buffer.from(root).toString('base64')
        output.result(
          { did: reader.did, size, root: encoded, checkpoint: note, cosigned, entries },
          [
            fields({ host: reader.did, entries: String(size), root: encoded }, '  ', (text) => output.paint('dim', text)),
            ...(cosigned.length > 0
              ? [
                  '',
                  table(
                    cosigned.map(({ name, time }) => [`cosigned by ${shortDid(name.split('/', 1)[0] as string)}`, `at ${timeText(time)}`]),
                  ),
                ]
              : []),
            ...(entries.length > 0 ? ['', table(entries.map(row))] : []),
          ].join('\n'),
        )
      }),
    )

const verifyLog = (group: Command) =>
  group
    .command('verify')
    .argument('[host]', HOST_PLACE)
    .description('Read all of the log, and check that it is what the host has signed')
    .action(
      act<[string?]>(async (run, _, name) => {
        const { output } = run
        const reader = await LogReader.open(name, run)
        // Before the checkpoint: so the log has to have it.
        const manifest = await shownManifest(name, run)
        const trail = new ManifestTrail()
        const checkpoint = await reader.checkpoint()
        const progress = new Progress(output, (entries) => `${entries.toLocaleString('en')} entries`)
        progress.begin(shortDid(reader.did), checkpoint.size)
        const memory = new UcanMemory()
        let [read, proved] = [0, 0]
        try {
          for await (const entry of reader.verified(checkpoint)) {
            const known = knownEntry(entry)
            if (known?.kind === 'manifest') trail.add(known)
            if (known?.kind === 'revocation' && isProvedHere(known, entry, memory)) proved++
            progress.at(++read)
          }
          if (manifest) trail.mustHave(manifest)
          progress.done(read)
        } finally {
          progress.clear()
        }
        output.result(
          { did: reader.did, verified: true, size: read, proved, manifests: trail.count, ...(manifest && { manifest: manifest.seq }) },
          [
            `  ${output.paint('green', '✓')} all ${read.toLocaleString('en')} entries are what ${shortDid(reader.did)} has signed`,
            `    ${proved.toLocaleString('en')} of them come with the signed call that revoked`,
            ...(manifest ? [`    ${trail.count.toLocaleString('en')} are manifests, and the one that it shows now is among them`] : []),
          ].join('\n'),
        )
      }),
    )

const watchLog = (group: Command) =>
  group
    .command('watch')
    .argument('[host]', HOST_PLACE)
    .description('Show entries as they come, until Ctrl-C')
    .option('--from <index>', 'begin with this entry (default: the next one)', Number)
    .action(
      act<[string?], { from?: number }>(async (run, { from }, name) => {
        const reader = await LogReader.open(name, run)
        let next = from ?? (await reader.checkpoint()).size
        if (!Number.isSafeInteger(next) || next < 0) throw new Failure('InvalidInput', 'No entry has such an index.', { field: 'from' })
        run.output.note(run.output.paintNote('dim', `  watching ${reader.did} from entry ${next + 1} on`))
        for await (const { entries } of reader.watch(next)) {
          for (const entry of entries) {
            const told = tell(entry, next++)
            run.output.result(told, table([row(told)]))
          }
        }
      }),
    )

/** Of a kind that is not known here where undefined. */
const knownEntry = ({ leaf }: LogFrame['entries'][number]): Entry | undefined => {
  try {
    return decodeEntry(leaf)
  } catch (thrown) {
    if (thrown instanceof Failure) return undefined
    throw thrown
  }
}

const isProvedHere = (entry: RevocationEntry, { evidence }: LogFrame['entries'][number], memory: UcanMemory): boolean => {
  try {
    return evidence !== undefined && isProved(entry, evidence, memory)
  } catch (thrown) {
    if (thrown instanceof Failure) return false
    throw thrown
  }
}

/** An entry for people and programs. */
interface Told {
  index: number
  kind: 'revocation' | 'manifest' | 'filter' | 'unknown'
  [field: string]: unknown
}

const tell = (entry: LogFrame['entries'][number], index: number): Told => {
  const known = knownEntry(entry)
  if (!known) return { index, kind: 'unknown' }
  return { index, ...known, ...(entry.evidence && { evidence: entry.evidence.length }) }
}

const row = ({ index, kind, ucan, by, expiration, root }: Told): string[] => {
  const place = String(index + 1)
  if (kind !== 'revocation') return [place, kind, root === undefined ? '' : brief(String(root))]
  return [
    place,
    `revoked ${brief(String(ucan))}`,
    `by ${shortDid(String(by))}`,
    expiration === null ? 'for good' : `which ends ${timeText(Number(expiration))}`,
  ]
}
