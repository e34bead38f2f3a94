import { Failure } from '@symbiosis/protocol'

/** Bytes per unit. Decimal, as disks and networks are sold; the binary ones have an i. */
const SIZES: { readonly [unit: string]: number } = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  pb: 1e15,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  pib: 2 ** 50,
}

const SECONDS: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 }

/**
 * Bytes of `'2 GB'`, `'512MiB'`, `'1.5 kB'` or `'1024'`. A number is taken as bytes.
 * @throws Failure InvalidInput
 */
export const parseBytes = (size: string | number): number => {
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(String(size)) ?? []
  const factor = unit === undefined ? undefined : own(SIZES, unit.toLowerCase())
  const bytes = factor === undefined ? Number.NaN : Math.round(Number(amount) * factor)
  if (!Number.isSafeInteger(bytes)) {
    throw new Failure('InvalidInput', `"${String(size).slice(0, 40)}" is no size.`, {
      field: 'bytes',
      hint: 'Write it like 500 MB, 2 GB or 1 GiB.',
    })
  }
  return bytes
}

/**
 * Seconds of `'30d'`, `'1h30m'`, `'90 s'` or `'90'`; the units are s, m, h, d, w, y. A number is taken as seconds.
 * @throws Failure InvalidInput
 */
export const parseDuration = (duration: string | number): number => {
  const text = String(duration).trim().toLowerCase()
  const seconds = /^\d+$/.test(text) ? Number(text) : inParts(text)
  if (!Number.isSafeInteger(seconds) || seconds <= 0) {
    throw new Failure('InvalidInput', `"${text.slice(0, 40)}" is no duration.`, {
      field: 'duration',
      hint: 'Write it like 30d, 12h, 90m or 1h30m.',
    })
  }
  return seconds
}

const inParts = (text: string): number => {
  if (!/^(\d+(\.\d+)?\s*[smhdwy]\s*)+$/.test(text)) return Number.NaN
  let seconds = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*([smhdwy])/g))
    seconds += Number(amount) * (SECONDS[unit as string] as number)
  return Math.round(seconds)
}

/** `104857600` as `'104.9 MB'`. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let [amount, unit] = [bytes, 0]
  // 999,950 rounds to 1000.0 of its unit: it belongs to the next.
  while (amount >= (unit === 0 ? 1000 : 999.95) && unit < units.length - 1) {
    amount /= 1000
    unit++
  }
  const shown = Number.isInteger(amount) ? String(amount) : amount.toFixed(1)
  return `${shown} ${units[unit]}`
}

/** `2592000` as `'30 days'`: the largest unit of which there are two, or one exactly. */
export const formatDuration = (seconds: number): string => {
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 1],
  ] as const
  const [name, length] = units.find(([, each]) => seconds >= 2 * each || seconds === each) ?? (['second', 1] as const)
  const amount = Math.floor(seconds / length)
  return `${amount} ${name}${amount === 1 ? '' : 's'}`
}

const own = (map: { readonly [key: string]: number }, key: string): number | undefined => (Object.hasOwn(map, key) ? map[key] : undefined)
