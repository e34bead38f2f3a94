import { cidOf, Failure } from '@symbiosis/protocol'
import {
  CompactRange,
  decodeEntries,
  decodeEntry,
  decodeFilterHead,
  decodeShard,
  decodeTile,
  decodeVerifierKey,
  encodeEntries,
  encodeEntry,
  encodeFilterHead,
  encodeShard,
  encodeVerifierKey,
  leafHash,
  noteSigner,
  originOf,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  signCheckpoint,
  verifyNote,
} from '@symbiosis/protocol/revocation'
import fc from 'fast-check'
import { alice } from '../../fixtures.ts'
import { entries } from './forest.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Each reader, and something that it reads. */
const range = new CompactRange()
for (const each of entries(7)) range.append(leafHash(each))
const ucan = cidOf(utf8('a delegation'))
const signer = noteSigner(originOf(alice.did), alice)
const note = utf8(await signCheckpoint({ origin: originOf(alice.did), size: 7, root: range.root() }, signer))
const READERS: Record<string, [read: (bytes: Uint8Array) => unknown, good: Uint8Array]> = {
  parseNote: [parseNote, note],
  verifyNote: [(bytes) => verifyNote(bytes, [signer.key]), note],
  parseCheckpoint: [(bytes) => parseCheckpoint(text(bytes)), utf8(parseNote(note).text)],
  decodeVerifierKey: [(bytes) => decodeVerifierKey(text(bytes)), utf8(encodeVerifierKey(signer.key))],
  parseTilePath: [(bytes) => parseTilePath(text(bytes)), utf8('tile/entries/x001/234.p/17')],
  decodeEntry: [decodeEntry, encodeEntry({ kind: 'revocation', ucan, by: alice.did, expiration: null, cause: ucan })],
  decodeEntries: [(bytes) => decodeEntries(bytes, 3), encodeEntries(entries(3))],
  decodeTile: [(bytes) => decodeTile(bytes, 7), new Uint8Array(7 * 32)],
  decodeShard: [decodeShard, encodeShard(Uint32Array.from({ length: 20 }, (_, at) => at * 2e8))],
  decodeFilterHead: [decodeFilterHead, encodeFilterHead({ log: range.root(), shards: range.root() })],
  'CompactRange.decode': [CompactRange.decode, range.encode()],
}

describe('Whatever comes in as part of a log', () => {
  for (const [name, [read, good]] of Object.entries(READERS)) {
    it(`is read or refused by ${name}, and nothing else happens`, () => {
      read(good)
      const bent = fc
        .tuple(fc.nat(good.length), fc.nat(8), fc.uint8Array({ maxLength: 8 }))
        .map(([at, gone, put]) => new Uint8Array([...good.subarray(0, at), ...put, ...good.subarray(at + gone)]))
      fc.assert(
        fc.property(fc.oneof(bent, fc.uint8Array({ maxLength: 200 })), (bytes) => {
          try {
            read(bytes)
          } catch (thrown) {
            if (!(thrown instanceof Failure)) throw thrown
          }
        }),
        { numRuns: 500 },
      )
    })
  }
})
