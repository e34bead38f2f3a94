import { globSync } from 'node:fs'

/** Who gets in, and what they may. */
export const CORE = ['admission', 'authorize', 'chain', 'checks', 'lease', 'revocation', 'ucan'].map((name) => `protocol/${name}.ts`)

/** What reads the bytes of strangers for them. */
export const READERS = ['car', 'cbor', 'ed25519', 'payload', 'schema'].map((name) => `protocol/${name}.ts`)

/** Not asked: it reads the sources, which are bent here; it is about a channel. */
const ELSEWHERE = ['tests/attacks/guards.test.ts', 'tests/attacks/http.test.ts']

/** The suites that may kill a mutant, the ones that are done soonest first. */
export const testFiles = (): string[] =>
  ['protocol', 'attacks', 'vectors', 'interop'].flatMap((folder) =>
    globSync(`tests/${folder}/*.test.ts`)
      .filter((path) => !ELSEWHERE.includes(path))
      .sort(),
  )
