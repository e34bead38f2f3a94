import { createReadStream, createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from '@symbiosis/protocol'
import { Progress, shortName } from './progress.ts'
import type { Run } from './run.ts'
import { plain } from './text.ts'

/** What goes up beside a call: a file, or with `-` what stands on stdin. */
export const bodyFrom = async (path: string, { output }: Run): Promise<ReadableStream<Uint8Array>> => {
  if (path === '-') return webStream(process.stdin)
  const { size } = await stat(path)
  const progress = new Progress(output)
  progress.begin(shortName(basename(path)), size)
  return webStream(createReadStream(path).pipe(counting(progress)))
}

/**
 * Writes what streams behind an answer: to a new file, or to stdout, where a terminal gets text that can't move its cursor.
 * @throws Failure InvalidInput where there is a file already, and what ends the stream
 */
export const bodyTo = async (path: string | undefined, body: ReadableStream<Uint8Array>, { output, signal }: Run): Promise<void> => {
  const bytes = Readable.fromWeb(body as never)
  if (path === undefined) {
    const shown = process.stdout.isTTY ? bytes.pipe(readable()) : bytes
    return pipeline(shown, process.stdout, { signal, end: false })
  }
  const progress = new Progress(output)
  progress.begin(shortName(basename(path)))
  let begun = false
  const file = createWriteStream(path, { flags: 'wx' }).once('open', () => {
    begun = true
  })
  try {
    await pipeline(bytes, counting(progress), file, { signal })
  } catch (thrown) {
    progress.clear()
    // What came is no answer: its end is missing.
    if (begun) await rm(path, { force: true })
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
    throw new Failure('InvalidInput', `There is something at ${path} already.`, { field: 'out', hint: 'Name another file with --out.' })
  }
}

const webStream = (from: Readable): ReadableStream<Uint8Array> => Readable.toWeb(from) as ReadableStream<Uint8Array>

const counting = (progress: Progress): Transform => {
  let count = 0
  return new Transform({
    transform(chunk: Uint8Array, _, next) {
      count += chunk.length
      progress.at(count)
      next(null, chunk)
    },
    flush(next) {
      progress.done(count)
      next()
    },
  })
}

/** Text for a terminal. */
export const readable = (): Transform => {
  const decoder = new TextDecoder()
  return new Transform({
    transform(chunk: Uint8Array, _, next) {
      next(null, decoder.decode(chunk, { stream: true }).split('\n').map(plain).join('\n'))
    },
  })
}
