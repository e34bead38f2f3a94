import { lstatSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { pull } from '@symbiosis/capabilities/dag/symbiont'
import { Failure } from '@symbiosis/protocol'
import type { Command } from 'commander'
import type { CID } from 'multiformats/cid'
import { BlockFile } from '../block-file.ts'
import { cidArgument } from '../options.ts'
import { Progress, shortName } from '../progress.ts'
import { act, type Run } from '../run.ts'
import { choiceOf, openWithSpace } from '../wallet.ts'

interface Options {
  output?: string
  force?: boolean
}

export const get = (program: Command): Command =>
  program
    .command('get')
    .argument('<cid>', 'the root of a file or folder', cidArgument)
    .description('Get a file or folder that a host keeps, checked block by block')
    .option('-o, --output <path>', 'where to write it; - is stdout (default: its CID, here)')
    .option('--force', 'write over what is there')
    .action(
      act<[CID], Options>(async (run, { output: path, force = false }, root) => {
        const target = path === '-' ? undefined : resolve(path ?? String(root))
        if (target && !force) mustBeFree(target)
        if (!target && run.output.json)
          throw new Failure('InvalidInput', 'stdout holds the file or JSON, not both.', { hint: 'Leave --json out, or name a file.' })
        // Beside the target, so that what is complete only has to be renamed.
        const folder = await mkdtemp(target ? join(dirname(target), '.symbiosis-') : join(tmpdir(), 'symbiosis-'))
        try {
          const bytes = await fetchInto(folder, root, target, force, run)
          if (target) run.output.result({ root, path: target, bytes }, `  ${target}`)
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      }),
    )

/** @returns the bytes of the blocks that came */
const fetchInto = async (folder: string, root: CID, target: string | undefined, force: boolean, run: Run): Promise<number> => {
  const { signal } = run
  const { writeFiles, writeStream } = await import('../files-out.ts')
  await using symbiont = await openWithSpace(run)
  await using blocks = await BlockFile.create(join(folder, 'blocks'))
  const progress = new Progress(run.output)
  try {
    progress.begin(shortName(target ? basename(target) : String(root)))
    let bytes = 0
    const calls = {
      call: ((service, ability, input, options) =>
        symbiont.call(service, ability, input, { ...options, ...choiceOf(run) })) as typeof symbiont.call,
    }
    for await (const block of pull(calls, { root, signal })) {
      await blocks.add(block)
      bytes += block.bytes.length
      progress.at(bytes)
    }
    const reading = { read: (cid: CID) => blocks.read(cid), signal }
    if (target) {
      await writeFiles(root, join(folder, 'new'), reading)
      if (!force) mustBeFree(target)
      await putInPlace(join(folder, 'new'), target, join(folder, 'old'))
      progress.done(bytes)
    } else {
      progress.clear()
      await writeStream(root, process.stdout, reading)
    }
    return bytes
  } finally {
    progress.clear()
  }
}

const mustBeFree = (target: string): void => {
  if (!lstatSync(target, { throwIfNoEntry: false })) return
  throw new Failure('InvalidInput', `There is something at ${target} already.`, {
    field: 'output',
    hint: 'Name another place with -o, or write over it with --force.',
  })
}

/** Files replace files at once. Where a folder is in it, the old one goes aside first, and comes back if the new one can't take its place. */
const putInPlace = async (made: string, target: string, aside: string): Promise<void> => {
  const before = lstatSync(target, { throwIfNoEntry: false })
  if (!before || (!before.isDirectory() && !lstatSync(made).isDirectory())) return rename(made, target)
  await rename(target, aside)
  try {
    await rename(made, target)
  } catch (thrown) {
    await rename(aside, target)
    throw thrown
  }
}
