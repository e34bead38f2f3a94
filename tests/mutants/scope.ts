import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../tree.ts'

/** Where sources are bent: a file, and the lines that are meant where it isn't all of them. */
export interface Place {
  readonly file: string
  /** From 1, both included. */
  readonly lines?: readonly [first: number, last: number]
}

/** The part of a file from the line with one text to the one before the line with another, so that it stays the same part when lines come and go. */
const part = (file: string, first: string, behind: string): Place => {
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  const lineOf = (text: string): number => {
    const found = lines.flatMap((line, index) => (line.startsWith(text) ? [index + 1] : []))
    if (found.length !== 1) throw new Error(`${found.length} lines of ${file} begin with "${text}".`)
    return found[0] as number
  }
  return { file, lines: [lineOf(first), lineOf(behind) - 1] }
}

/** Who gets in, and what they may. */
export const CORE: readonly Place[] = ['admission', 'authorize', 'chain', 'checks', 'lease', 'revocation/bearing', 'ucan'].map((name) => ({
  file: `protocol/${name}.ts`,
}))

/** What reads the bytes of strangers for them, and not what writes. */
export const READERS: readonly Place[] = [
  part('protocol/car.ts', 'export const decodeCar', 'export const encodeCar'),
  part('protocol/car.ts', 'const readHeader', 'export const encodeVarint'),
  part('protocol/cbor.ts', 'export const decode', 'export const encode '),
  part('protocol/ed25519.ts', 'export const verifySignature', '/** A signing function'),
  part('protocol/ed25519.ts', 'const verifyNative', 'function fromHex'),
  { file: 'protocol/payload.ts' },
  part('protocol/schema.ts', 'export const check', 'const below'),
]

/** Not asked: one reads the sources, which are bent here; others are about channels, connections, processes and one service, and take their time. */
const ELSEWHERE = ['guards', 'http', 'http-requests', 'load', 'quota', 'route'].map((name) => `tests/attacks/${name}.test.ts`)

/** The suites that may kill a mutant, the ones that are done soonest first. */
export const testFiles = (): string[] =>
  ['protocol', 'attacks', 'vectors', 'interop'].flatMap((folder) =>
    globSync(`tests/${folder}/*.test.ts`, { cwd: root })
      .filter((path) => !ELSEWHERE.includes(path))
      .sort(),
  )
