import guards from './guards.json' with { type: 'json' }

/** Something that keeps somebody out, the test that says so, and how to switch it off: the test must fail then. */
export interface Guard {
  /** The step or function, as the sources call it. */
  guard: string
  /** Where it stands, from the root. */
  file: string
  /** A text that stands once in the file, and what in its place switches the guard off. */
  find: string
  replace: string
  /** The test file, from the root, and the title of the test in it. */
  test: string
  title: string
}

export const GUARDS: readonly Guard[] = guards
