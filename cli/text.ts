import { stripVTControlCharacters, styleText } from 'node:util'
import { formatDuration } from '@symbiosis/symbiont'

type Style = Parameters<typeof styleText>[0]

/** Colours where a person looks: on a terminal, unless NO_COLOR says otherwise. */
export const paint =
  (stream: NodeJS.WriteStream) =>
  (style: Style, text: string): string =>
    styleText(style, text, { stream })

const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

/** Rows in columns that line up. */
export const table = (rows: readonly (readonly string[])[], indent = '  '): string => {
  const widths: number[] = []
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
  return rows.map((row) => `${indent}${row.map((cell, column) => pad(cell, widths[column] as number)).join('   ')}`.trimEnd()).join('\n')
}

/** Names with what they are; those without a value are left out. */
export const fields = (pairs: { readonly [name: string]: string | undefined }, indent = '  ', style = (name: string) => name): string =>
  table(
    Object.entries(pairs).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[style(name), value]])),
    indent,
  )

/** `did:key:z6Mkf…9xQ`: enough to tell one from another; wherever it must be copied, it's shown whole. */
export const shortDid = (did: string): string => (did.length > 20 ? `${did.slice(0, 13)}…${did.slice(-3)}` : did)

/** Unix seconds as the reader's own clock shows them. */
export const timeText = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return 'never'
  const local = new Date(seconds * 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  const date = `${local.getFullYear()}-${two(local.getMonth() + 1)}-${two(local.getDate())}`
  return `${date} ${two(local.getHours())}:${two(local.getMinutes())}:${two(local.getSeconds())}`
}

/** Seconds that have passed. */
export const agoText = (seconds: number): string => (seconds < 1 ? 'just now' : `${formatDuration(Math.floor(seconds))} ago`)

/** Of a log. */
export const entriesText = (count: number): string => `${count.toLocaleString('en')} ${count === 1 ? 'entry' : 'entries'}`

/** Characters that could move the cursor or turn a line around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const MOVING = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Text of somebody else's, without such characters. */
export const plain = (text: string): string => text.replace(MOVING, ' ')

/** JSON of somebody else's, the same value with those of them escaped that JSON lets stand. */
export const escaped = (json: string): string =>
  json.replace(MOVING, (character) => (character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`))
