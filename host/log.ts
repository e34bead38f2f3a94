import { type DestinationStream, type Logger, pino } from 'pino'

/** The operator's log: one JSON document a line. */
export type Log = Logger

/** Fields that could hold a key, a lease or a delegation are cut, wherever they stand: what gets a caller in must not lie in a log. */
const SECRET = ['seed', 'key', 'token', 'lease', 'leases', 'delegation', 'archive', 'proof', 'proofs', 'message', 'body', 'phrase']

export const openLog = (options: { level?: string; to?: DestinationStream } = {}): Log =>
  pino(
    {
      level: options.level ?? 'info',
      base: null,
      formatters: { level: (level) => ({ level }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET.flatMap((field) => [field, `*.${field}`]), censor: shorten as () => string },
    },
    options.to ?? pino.destination(2),
  )

/** CIDs and short names stay; what is long enough to be used is cut. */
const shorten = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shorten)
  return typeof value === 'string' && value.length <= 64 ? value : '[cut]'
}
