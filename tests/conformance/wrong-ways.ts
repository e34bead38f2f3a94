import type { Area } from '@symbiosis/conformance'
import type { Code } from '@symbiosis/protocol'
import type { Answered, Out, Wrong } from './wrong-host.ts'

/** A wrong host, the areas in which it is looked at, and rules that have to tell so. */
export interface Found {
  readonly wrong: () => Wrong
  readonly areas: readonly Area[]
  readonly rules: readonly (string | RegExp)[]
  /** Which other rules of these areas can't hold then; none unless told. */
  readonly also?: readonly string[] | 'others'
}

/** By what each host does wrong. */
export type FoundOut = Readonly<Record<string, Found>>

/** Does everything that the code should have refused. */
export const lenient = (code: Code): Wrong => ({
  unrefused: ({ name }) => name === code,
  answer: ({ out }) => (out.error?.name === code ? { ok: { state: 'granted' } } : out),
})

/** Refuses what it should do. */
export const strict = (refused: (answered: Answered) => boolean): Wrong => ({
  answer: (answered) => (!answered.out.error && refused(answered) ? { error: { name: 'Denied', message: 'No.' } } : answered.out),
})

export const changed = (can: string, change: (ok: Record<string, unknown>) => object): Wrong => ({
  answer: ({ can: asked, out }) => (asked === can && out.ok ? { ok: change(out.ok as Record<string, unknown>) } : out),
})

/** Answers the first of a kind for ever. */
export const frozen = (can: string): Wrong => {
  let first: Out | undefined
  return {
    answer: ({ can: asked, out }) => {
      if (asked !== can || !out.ok) return out
      first ??= out
      return first
    },
  }
}
