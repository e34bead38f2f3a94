import { formatBytes } from '@symbiosis/symbiont'
import type { Output } from './output.ts'

const WIDTH = 24
const EVERY_MS = 80

/** A bar on a terminal's stderr; elsewhere nothing. */
export class Progress {
  readonly #output: Output
  readonly #shown: boolean
  readonly #amount: (count: number) => string
  #label = ''
  #total: number | undefined
  #began = performance.now()
  #drawn = 0
  #last = ''

  /** What is counted is bytes, unless `amount` says something else of it. */
  constructor(output: Output, amount: (count: number) => string = formatBytes) {
    this.#output = output
    this.#amount = amount
    this.#shown = !output.json && process.stderr.isTTY === true
  }

  /** Begins a bar in the place of the last one. Without a total, only what came is told. */
  begin(label: string, total?: number): void {
    this.#label = label
    this.#total = total
    this.#began = performance.now()
    this.#drawn = 0
  }

  /** How much is done. */
  at(bytes: number): void {
    const now = performance.now()
    if (!this.#shown || now - this.#drawn < EVERY_MS) return
    this.#drawn = now
    this.#draw(bytes, '')
  }

  /** Something that has no amount. */
  say(text: string): void {
    if (this.#shown) this.#write(`  ${this.#label}  ${this.#output.paintNote('dim', text)}`)
  }

  /** Leaves the full bar behind. */
  done(bytes: number): void {
    if (!this.#shown) return
    this.#draw(bytes, '\n')
    this.#last = ''
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#last) this.#write('')
    this.#last = ''
  }

  #draw(bytes: number, end: string): void {
    const { paintNote } = this.#output
    const seconds = (performance.now() - this.#began) / 1000
    const rate = seconds > 0.3 ? `${this.#amount(Math.round(bytes / seconds))}/s` : ''
    const total = this.#total
    const share = total === undefined ? undefined : total === 0 ? 1 : Math.min(1, bytes / total)
    const bar =
      share === undefined
        ? ''
        : `${paintNote('cyan', '█'.repeat(Math.round(share * WIDTH)))}${paintNote('dim', '░'.repeat(WIDTH - Math.round(share * WIDTH)))}  `
    const amount = share === undefined || share === 1 ? this.#amount(bytes) : `${this.#amount(bytes)} of ${this.#amount(total as number)}`
    this.#write(`  ${this.#label}  ${bar}${amount}  ${paintNote('dim', rate)}`, end)
  }

  #write(line: string, end = ''): void {
    this.#last = line
    process.stderr.write(`\r\u001b[K${line}${end}`)
  }
}

/** A name that leaves room for the bar. */
export const shortName = (name: string): string => (name.length > 30 ? `${name.slice(0, 14)}…${name.slice(-15)}` : name)
