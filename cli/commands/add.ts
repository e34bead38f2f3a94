import { basename, resolve } from 'node:path'
import { push } from '@symbiosis/capabilities/dag/symbiont'
import { pin } from '@symbiosis/capabilities/pin'
import type { Command } from 'commander'
import { chooseFor } from '../choosing.ts'
import { untilPinned } from '../pinning.ts'
import { Progress, shortName } from '../progress.ts'
import { act } from '../run.ts'
import { plain } from '../text.ts'
import { openWithSpace } from '../wallet.ts'

export const add = (program: Command): Command =>
  program
    .command('add <path>')
    .description('Add a file or folder: push it to a host, and have it kept there')
    .option('--name <text>', 'what the pin is called (default: the name of the file)')
    .action(
      act<[string], { name?: string }>(async (run, { name }, path) => {
        const { output, signal } = run
        const { blocksAgain, blocksOf, survey } = await import('../files-in.ts')
        const { bytes, skipped } = await survey(path)
        for (const each of skipped) output.note(output.paintNote('yellow', `  left out, being neither file nor folder: ${plain(each)}`))
        await using symbiont = await openWithSpace(run)
        const choice = await chooseFor(symbiont, ['dag/import', 'pin/add'], run)
        const label = shortName(plain(basename(resolve(path))))
        const progress = new Progress(output)
        try {
          progress.begin(`${label}  reading`, bytes)
          let [read, size] = [0, 0]
          const blocks = blocksOf(path, signal, (count) => {
            read += count
            progress.at(read)
          })
          let next = await blocks.next()
          for (; !next.done; next = await blocks.next()) size += next.value.bytes.length
          const root = next.value
          progress.begin(label, size)
          const sent = {
            blocks: () => blocksAgain(path, root, signal),
            onProgress: (sent: { bytes: number }) => progress.at(sent.bytes),
          }
          await push(
            { call: (service, ability, input, options) => symbiont.call(service, ability, input, { ...options, ...choice }) },
            { root, signal, ...sent },
          )
          progress.done(size)
          const begun = await symbiont.use(pin, choice).add({ root, name: (name ?? basename(resolve(path))).slice(0, 255) }, { signal })
          const { bytes: kept } = await untilPinned(symbiont, begun, { choice, signal, onStatus: ({ status }) => progress.say(status) })
          progress.clear()
          const host = symbiont.hosts().find(({ did }) => did === choice.host)
          output.note(`  pinned on ${host ? `${plain(host.name)}   ${output.paintNote('dim', host.did)}` : 'the host'}`)
          output.result({ root, bytes: kept, ...(skipped.length > 0 && { skipped }) }, String(root))
        } finally {
          progress.clear()
        }
      }),
    )
