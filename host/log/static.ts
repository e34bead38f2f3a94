import { Failure, type Page } from '@symbiosis/protocol'
import { parseTilePath } from '@symbiosis/protocol/revocation'
import type { RevocationLog } from './revocation-log.ts'

/** Full tiles never change. */
const FOR_EVER = 'public, max-age=31536000, immutable'

/**
 * The log as files, for whoever follows transparency logs: `checkpoint`, `tile/0/000.p/17`, `tile/entries/000`. Nothing of it needs a call, and any web page may
 * read it. Source: https://c2sp.org/tlog-tiles
 */
export const logPage = async (log: RevocationLog, path: string): Promise<Page | undefined> => {
  if (path === 'checkpoint') return { status: 200, type: 'text/plain; charset=utf-8', body: await log.checkpoint(), open: true }
  const tile = tileAt(path)
  const body = tile && (await log.tile(tile))
  return body && { status: 200, type: 'application/octet-stream', body, open: true, cache: FOR_EVER }
}

const tileAt = (path: string) => {
  try {
    return parseTilePath(path)
  } catch (thrown) {
    if (thrown instanceof Failure) return undefined
    throw thrown
  }
}
