import type { Mutant } from './mutants.ts'

/** A mutant that no test can kill, since nobody can tell the difference but by a clock. */
export interface Equivalent {
  file: string
  /** The line in which it begins, without the spaces around: it says which one is meant where `from` occurs again. */
  text: string
  from: string
  to: string
  /** The argument, in one line. */
  why: string
  /** Whether it costs time: on a busy machine a test that has a limit of time may notice, and then it counts as killed. */
  clock?: boolean
}

export interface Judgement {
  /** Killed, endless or known to be equivalent. */
  readonly passed: number
  /** Survivors and entries that are not true, one text each. */
  readonly failures: readonly string[]
  readonly counts: { readonly [fate: string]: number }
}

/** What stands of mutants, given those that are said to be equivalent. An entry that matches none is a failure, and so is one that is killed by more than a clock. */
export const judge = (mutants: readonly Mutant[], equivalents: readonly Equivalent[]): Judgement => {
  const failures: string[] = []
  const counts = { killed: 0, endless: 0, equivalent: 0, survived: 0, undecided: 0 }
  const used = new Set<Equivalent>()
  for (const mutant of mutants) {
    const known = equivalents.filter((entry) => isOf(entry, mutant))
    for (const entry of known) used.add(entry)
    if (mutant.fate === 'survived' && known.length > 0) counts.equivalent++
    else {
      counts[mutant.fate]++
      if (known.some(({ clock }) => !clock)) failures.push(`said to be equivalent, and ${mutant.fate}: ${difference(mutant)}`)
      else if (known.length === 0 && (mutant.fate === 'survived' || mutant.fate === 'undecided'))
        failures.push(`${mutant.fate}: ${difference(mutant)}`)
    }
  }
  const files = new Set(mutants.map(({ file }) => file))
  for (const entry of equivalents) {
    if (files.has(entry.file) && !used.has(entry))
      failures.push(`said to be equivalent, and there is no such mutant: ${entry.file}\n  ${entry.text}`)
  }
  return { passed: counts.killed + counts.endless + counts.equivalent, failures, counts }
}

const isOf = (entry: Equivalent, { file, text, from, to }: Mutant): boolean =>
  entry.file === file && entry.text === text && entry.from === from && entry.to === to

const difference = ({ file, line, from, to }: Mutant): string => `${file}:${line}\n${marked('-', from)}\n${marked('+', to)}`

const marked = (mark: string, text: string): string => text.replaceAll(/^/gm, `  ${mark} `)
