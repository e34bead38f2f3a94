import { asLink } from '@symbiosis/protocol'
import { paint } from './text.ts'

/**
 * What a command says. With `--json`, stdout is for programs: one document, or one line for each event and then the result. Without, it's for
 * people. Notes go to stderr, and to people only.
 */
export class Output {
  readonly json: boolean
  readonly paint = paint(process.stdout)
  readonly paintNote = paint(process.stderr)

  constructor(json: boolean) {
    this.json = json
  }

  /** The outcome of the command. */
  result(data: object, text: string): void {
    process.stdout.write(`${this.json ? toJson(data) : text}\n`)
  }

  /** Something on the way to it; a line of its own with `--json`, and then nothing else is told of it. */
  event(data: object, note: string): void {
    if (this.json) process.stdout.write(`${toJson(data)}\n`)
    else this.note(note)
  }

  /** For people. */
  note(text: string): void {
    if (!this.json) process.stderr.write(`${text}\n`)
  }

  /** For people, whatever stdout is for. */
  warn(text: string): void {
    process.stderr.write(`${text}\n`)
  }
}

/** Data as JSON: CIDs are text, bytes are left out. */
export const toJson = (data: object): string => JSON.stringify(plainData(data))

/** The same before it is text. */
export const plainData = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  const cid = asLink(value)
  if (cid) return String(cid)
  if (value instanceof Uint8Array) return undefined
  if (Array.isArray(value)) return value.map(plainData)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plainData(field)]))
}

/** A reader that has seen enough, such as `head`, is no error. */
export const leaveQuietly = (): void => {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit()
      throw error
    })
  }
}

/** Resolves when all that was written has left the process. */
export const flushed = async (): Promise<void> => {
  for (const stream of [process.stdout, process.stderr]) await new Promise<void>((resolve) => stream.write('', () => resolve()))
}
