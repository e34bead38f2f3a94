import { publicKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { Failure } from '@symbiosis/protocol'
import { ipnsSelector } from 'ipns/selector'
import { ipnsValidator } from 'ipns/validator'
import { base36 } from 'multiformats/bases/base36'

/** A key of the network's records, which names who may write there. */
export interface RecordKey {
  /** The one way in which it is written here: `/ipns/k51...`, `/pk/k51...`. */
  readonly text: string
  /** As the network has it: the prefix, then the multihash of the public key. */
  readonly bytes: Uint8Array
}

interface Kind {
  /** Rejects for a value that who the key names hasn't signed, or that has ended. */
  validate(key: Uint8Array, value: Uint8Array): Promise<void>
  /** The index of the newest. */
  select(key: Uint8Array, values: Uint8Array[]): number
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['ipns', { validate: ipnsValidator, select: ipnsSelector }],
  ['pk', { validate: validatePublicKey, select: () => 0 }],
])

/**
 * Reads a key: `/ipns/` or `/pk/`, then a peer id as text or as a CID.
 * @throws Failure InvalidInput, field `key`
 */
export const parseKey = (text: string): RecordKey => {
  const [empty, kind = '', name = '', ...more] = text.split('/')
  const peer = empty === '' && KINDS.has(kind) && more.length === 0 ? parsePeer(name) : undefined
  if (!peer) {
    const hint = 'Write /ipns/NAME or /pk/NAME, NAME being a peer id or a name of IPNS.'
    throw new Failure('InvalidInput', `${text} is not the key of a record.`, { field: 'key', hint })
  }
  const prefix = new TextEncoder().encode(`/${kind}/`)
  const digest = peer.toMultihash().bytes
  const bytes = new Uint8Array(prefix.length + digest.length)
  bytes.set(prefix)
  bytes.set(digest, prefix.length)
  return { text: `/${kind}/${peer.toCID().toString(base36)}`, bytes }
}

/** Whether the value may stand under the key, now. */
export const isValid = async ({ text, bytes }: RecordKey, value: Uint8Array): Promise<boolean> => {
  try {
    await kindOf(text).validate(bytes, value)
    return true
  } catch {
    return false
  }
}

/** The newest of valid values; of equals the first. */
export const newest = ({ text, bytes }: RecordKey, values: Uint8Array[]): Uint8Array | undefined =>
  values.length < 2 ? values[0] : values[kindOf(text).select(bytes, values)]

/** A peer id in any of its spellings, or undefined. */
export const parsePeer = (name: string): PeerId | undefined => {
  try {
    return peerIdFromString(name)
  } catch {
    return undefined
  }
}

const kindOf = (text: string): Kind => KINDS.get(text.split('/')[1] as string) as Kind

async function validatePublicKey(key: Uint8Array, value: Uint8Array): Promise<void> {
  const digest = publicKeyFromProtobuf(value).toMultihash().bytes
  const named = key.subarray('/pk/'.length)
  if (digest.length !== named.length || digest.some((byte, at) => byte !== named[at])) throw new Error('It is the key of somebody else.')
}
