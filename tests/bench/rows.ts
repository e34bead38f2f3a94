/** One figure. Where it has a goal, `direction` says on which side of it the figure has to be, and `holds` whether it is. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly goal: number | null
  readonly direction: 'at least' | 'at most' | null
  readonly holds: boolean | null
}

type Figure = Pick<Row, 'name' | 'value' | 'unit'>

/** A figure for which no goal is set. */
export const figure = ({ name, value, unit }: Figure): Row => ({
  name,
  value: rounded(value),
  unit,
  goal: null,
  direction: null,
  holds: null,
})

export const atLeast = (goal: number, { name, value, unit }: Figure): Row => ({
  name,
  value: rounded(value),
  unit,
  goal,
  direction: 'at least',
  holds: rounded(value) >= goal,
})

export const atMost = (goal: number, { name, value, unit }: Figure): Row => ({
  name,
  value: rounded(value),
  unit,
  goal,
  direction: 'at most',
  holds: rounded(value) <= goal,
})

/** What is judged is what is shown. */
const rounded = (value: number): number => Number(value.toPrecision(3))

/** A part's rows for people: the figure, its goal, and whether that holds. */
export const table = (title: string, rows: readonly Row[]): string => {
  const cells = rows.map(({ name, value, unit, goal, direction, holds }) => [
    name,
    String(value),
    unit,
    goal === null ? '' : `${direction} ${goal}`,
    holds === null ? '' : holds ? 'holds' : 'FAILS',
  ])
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => (row[column] as string).length)))
  const lines = cells.map(([name, value, unit, goal, holds]) =>
    [
      (name as string).padEnd(widths[0] as number),
      (value as string).padStart(widths[1] as number),
      (unit as string).padEnd(widths[2] as number),
      (goal as string).padEnd(widths[3] as number),
      holds,
    ]
      .join('  ')
      .trimEnd(),
  )
  return `${title}\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}

/** One line that says how many of the goals hold. */
export const verdict = (rows: readonly Row[]): string => {
  const goals = rows.filter(({ holds }) => holds !== null)
  return `${goals.filter(({ holds }) => holds).length} of ${goals.length} goals hold`
}
