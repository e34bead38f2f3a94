import { type DestinationStream, type Logger, pino } from 'pino'

/** The operator's log: one JSON document a line. */
export type Log = Logger

/** Fields that could hold a key, a lease or a delegation are cut, wherever they stand: what gets a caller in must not lie in a log. */
const SECRET = ['seed', 'key', 'token', 'lease', 'leases', 'delegation', 'archive', 'proof', 'proofs', 'message', 'body', 'phrase']

/** The host's log: JSON lines to stderr unless told, from level `info` on. */
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

/** A CID or a DID names a thing and opens nothing; all else is cut, since a seed is short. */
const NAME = /^(baf[a-z2-7]{50,64}|did:key:z[1-9A-HJ-NP-Za-km-z]{46,54})$/

const shorten = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shorten)
  return typeof value === 'string' && NAME.test(value) ? value : '[cut]'
}
