import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set<string>()

/** A folder that goes with this process, whether that ends by itself or is told to. */
export const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'symbiosis-bench-'))
  folders.add(folder)
  return folder
}

/** It may come back when an engine writes once more what it was about to: so it goes once more at the end. */
export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true })

process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(128 + constants.signals[signal]))
