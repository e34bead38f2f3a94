import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Case } from './cases.ts'
import type { Exchange } from './connection.ts'

export interface Finding {
  readonly what: string
  readonly text: string
  /** What was sent: one case, or all that were under way when something went wrong within. */
  readonly cases: readonly Pick<Case, 'index' | 'layers' | 'bytes'>[]
  readonly came?: Pick<Exchange, 'answers' | 'end'>
}

/** So many of a kind are kept: they mostly have one cause. */
const MAX_OF_A_KIND = 5

/** What was found, each with the seed and the index that make it again, and with the bytes of its request in a file. */
export class Findings {
  readonly list: Finding[] = []
  readonly #seed: number
  readonly #kinds = new Map<string, number>()
  #folder: string | undefined

  constructor(seed: number) {
    this.#seed = seed
  }

  get total(): number {
    return [...this.#kinds.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Whether there is nothing left to fuzz. */
  get fatal(): boolean {
    return this.#kinds.has('crash')
  }

  add(finding: Finding): void {
    const kind = finding.what.replace(/[\d.]+/g, '')
    const count = (this.#kinds.get(kind) ?? 0) + 1
    this.#kinds.set(kind, count)
    if (count > MAX_OF_A_KIND) return
    this.list.push(finding)
    this.#folder ??= mkdtempSync(join(tmpdir(), 'symbiosis-findings-'))
    for (const { index, bytes } of finding.cases)
      writeFileSync(join(this.#folder, `${this.#seed}-${index}.hex`), Buffer.from(bytes).toString('hex'))
  }

  /** Removes the files: for those who expected what was found. */
  discard(): void {
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true })
  }

  toString(): string {
    const lines = this.list.map(({ what, text, cases, came }) => {
      const which = cases.map(({ index, layers }) => `--seed ${this.#seed} --from ${index} --count 1 (${layers})`).join('\n    ')
      const answers = came ? `\n    ${came.end}, ${came.answers.map(({ status, body }) => `${status} ${excerpt(body)}`).join(' | ')}` : ''
      return `- ${what}: ${text}\n    ${which}${answers}`
    })
    return `${this.total} findings; their requests are in ${this.#folder}\n${lines.join('\n')}`
  }
}

const excerpt = (body: Uint8Array): string =>
  Buffer.from(body.subarray(0, 300))
    .toString('latin1')
    .replace(/[^ -~]+/g, '.')
