import { Failure } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { Calls } from '../dag/symbiont.ts'
import { type FoundPeer, readPeers, route } from './index.ts'
import { isValid, parseKey } from './keys.ts'

/** What to look for, and for how long. */
export interface FindOptions {
  cid: CID
  /** Peers that are enough. */
  limit?: number
  /** Seconds that the host may look for. */
  seconds?: number
  signal?: AbortSignal
}

/**
 * Peers that say they have the content, each once and as it's found. Leaving the loop ends the search.
 * @throws Failure whatever the host refuses with
 */
export async function* findProviders(use: Calls, { signal, ...wanted }: FindOptions): AsyncGenerator<FoundPeer, void> {
  const { result, body } = await use.call(route, 'findProviders', wanted, signal && { signal })
  if (result.error) throw Failure.fromRefusal(result.error)
  if (!body) throw new Failure('Malformed', 'The host answered without the peers that this ability streams.')
  yield* readPeers(body)
}

/**
 * The newest record that the host finds under a key, checked here: by its signature it is whose the key says it is, whatever host and network
 * do. That there is no newer one nobody can prove.
 * @throws Failure Malformed for one that isn't valid, and whatever the host refuses with
 */
export const getRecord = async (
  use: Calls,
  { signal, ...wanted }: { key: string; seconds?: number; signal?: AbortSignal },
): Promise<Uint8Array> => {
  const key = parseKey(wanted.key)
  const { result } = await use.call(route, 'getRecord', wanted, signal && { signal })
  if (result.error) throw Failure.fromRefusal(result.error)
  const { value } = result.ok
  if (await isValid(key, value)) return value
  throw new Failure('Malformed', 'The host answered with a record that is not valid under this key.', {
    field: 'value',
    hint: 'Ask another host, and trust this one less.',
  })
}
