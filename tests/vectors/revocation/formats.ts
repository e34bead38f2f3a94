import { bytesFromDid, cidOf, encode, signerFromSeed } from '@symbiosis/protocol'
import {
  cosigner,
  encodeEntries,
  encodeEntry,
  encodeVerifierKey,
  formatCheckpoint,
  formatNote,
  type NoteSignature,
  noteSigner,
  originOf,
  parseNote,
  signNote,
} from '@symbiosis/protocol/revocation'
import { CID } from 'multiformats/cid'
import { toBase64, toDagJson } from '../json.ts'
import type { BundleFile, CheckpointFile, EntryFile, EntryVector, NoteFile, NoteVector, TilePathFile } from './format.ts'

const NOW = 1_800_000_000
const host = signerFromSeed(new Uint8Array(32).fill(7))
const witness = signerFromSeed(new Uint8Array(32).fill(8))
const [ucan, cause, root] = ['a delegation', 'its revocation', 'a manifest'].map((text) => cidOf(encode(text))) as [CID, CID, CID]
const by = bytesFromDid(host.did)

export const entries = (): EntryFile => {
  const good = [
    ['a revocation', 'Of a UCAN that ends.', { kind: 'revocation', ucan, by: host.did, expiration: NOW, cause }],
    ['a revocation for good', 'Of a UCAN that never ends.', { kind: 'revocation', ucan, by: host.did, expiration: null, cause }],
    ['a manifest', 'The seventh.', { kind: 'manifest', seq: 7, root }],
    ['a filter', 'Of the first thousand entries, in 256 shards.', { kind: 'filter', size: 1000, now: NOW, bits: 8, root }],
  ] as const
  const bent: readonly (readonly [string, string, string, Uint8Array])[] = [
    ['a text', 'No map.', 'Malformed', encode('r')],
    ['an empty map', 'Of no kind.', 'Malformed', encode({})],
    ['two kinds at once', 'An entry is one thing.', 'Malformed', encode({ m: [7, root], r: [ucan, by, NOW, cause] })],
    ['another kind', 'A later version may have it.', 'Unsupported', encode({ x: [7] })],
    ['a revocation of three fields', 'It has four.', 'Malformed', encode({ r: [ucan, by, NOW] })],
    ['a revocation of five fields', 'It has four.', 'Malformed', encode({ r: [ucan, by, NOW, cause, 0] })],
    ['a revocation by a DID as text', 'Principals are bytes, as in UCANs.', 'Malformed', encode({ r: [ucan, host.did, NOW, cause] })],
    ['a revocation by a bare key', 'Its multicodec is missing.', 'Malformed', encode({ r: [ucan, by.subarray(2), NOW, cause] })],
    ['a revocation of a CID as text', 'Links are links.', 'Malformed', encode({ r: [String(ucan), by, NOW, cause] })],
    [
      'a revocation of a raw block',
      'UCANs are DAG-CBOR: this names none.',
      'NotCanonical',
      encode({ r: [CID.createV1(0x55, ucan.multihash), by, NOW, cause] }),
    ],
    ['a revocation with a negative end', 'Times are not negative.', 'Malformed', encode({ r: [ucan, by, -1, cause] })],
    ['a revocation with half a second', 'Times are whole seconds.', 'Malformed', encode({ r: [ucan, by, 0.5, cause] })],
    ['a manifest without its root', 'It has two fields.', 'Malformed', encode({ m: [7] })],
    ['a filter of 33 bits', '32 at most.', 'Malformed', encode({ f: [1000, NOW, 33, root] })],
    ['a byte behind', 'An entry fills its bytes.', 'NotCanonical', Uint8Array.of(...encode({ m: [7, root] }), 0)],
    ['a cut', 'It ends within a link.', 'Malformed', encode({ m: [7, root] }).subarray(0, 30)],
  ]
  return {
    kind: 'entry',
    about: 'Entries of a log in their one form, DAG-CBOR.',
    vectors: [
      ...good.map(([name, description, entry]): EntryVector => {
        return { name, description, bytes: toBase64(encodeEntry(entry)), expect: { entry: toDagJson(entry) } }
      }),
      ...bent.map(([name, description, code, bytes]): EntryVector => ({ name, description, bytes: toBase64(bytes), expect: { code } })),
    ],
  }
}

const ORIGIN = originOf(host.did)
const TEXT = formatCheckpoint({ origin: ORIGIN, size: 18, root: new Uint8Array(32).fill(7) })

export const notes = async (): Promise<NoteFile> => {
  const log = noteSigner(ORIGIN, host)
  const w1 = cosigner('w1.example/x', witness, () => NOW)
  const [logKey, w1Key] = [log, w1].map(({ key }) => encodeVerifierKey(key)) as [string, string]
  const note = await signNote({ text: TEXT }, log, w1)
  const [logLine, w1Line] = note.slice(TEXT.length + 1).split(/(?<=\n)/) as [string, string]
  const [, cosignature] = parseNote(note).signatures as [NoteSignature, NoteSignature]
  // The last of the eight bytes that tell it.
  const anotherTime = formatNote({ text: TEXT, signatures: [{ ...cosignature, bytes: cosignature.bytes.with(7, 1) }] })
  const notCheckpoint = await signNote({ text: 'hello\n\nworld\n' }, log)
  const both = { text: TEXT, signed: [ORIGIN, 'w1.example/x'], unknown: [] }
  const vector = (name: string, description: string, text: string, keys: string[], expect: NoteVector['expect']): NoteVector => {
    return { name, description, note: toBase64(new TextEncoder().encode(text)), keys, expect }
  }
  const refused = (code: string) => ({ code })
  const bad = (name: string, description: string, text: string) => vector(name, description, text, [logKey, w1Key], refused('Malformed'))
  return {
    kind: 'note',
    about: 'Signed notes, Ed25519 and cosignatures of version 1, verified by those who know some keys.',
    vectors: [
      vector('a checkpoint and a cosignature', 'Both keys are known.', note, [logKey, w1Key], both),
      vector('a checkpoint whose witness is unknown', 'What it says is nothing.', note, [logKey], {
        ...both,
        signed: [ORIGIN],
        unknown: ['w1.example/x'],
      }),
      vector('a checkpoint whose log is unknown', 'What it says is nothing.', note, [w1Key], {
        ...both,
        signed: ['w1.example/x'],
        unknown: [ORIGIN],
      }),
      vector('a text that is no checkpoint', 'A log may sign it; the last empty line is where it ends.', notCheckpoint, [logKey], {
        text: 'hello\n\nworld\n',
        signed: [ORIGIN],
        unknown: [],
      }),
      vector('a line twice', 'It counts once.', note + logLine, [logKey, w1Key], both),
      vector('nobody known', 'No known key has signed.', note, [], refused('BadSignature')),
      vector(
        'a text that was changed',
        'The signatures are of another.',
        note.replace('\n18\n', '\n19\n'),
        [logKey, w1Key],
        refused('BadSignature'),
      ),
      vector(
        'a signature of a known key that fails beside one that holds',
        'Whose note it is is not clear then.',
        `${TEXT}\n${logLine}${w1Line.replace(/.{8}\n$/, 'AAAAAA==\n')}`,
        [logKey, w1Key],
        refused('BadSignature'),
      ),
      vector('a cosignature at another time', 'The time is signed.', anotherTime, [w1Key], refused('BadSignature')),
      vector('a key twice', "Which of two keys it is would be anyone's guess.", note, [logKey, logKey], refused('Malformed')),
      bad('no signatures', 'A note has one at least.', `${TEXT}\n`),
      bad('no blank line', 'Nothing tells the text from the signatures.', TEXT + logLine),
      bad('no last newline', 'Each line ends with one.', note.slice(0, -1)),
      bad('a line that is no signature', 'Nothing else stands there.', `${note}hello\n`),
      bad('a hyphen', 'Signatures begin with an em dash.', note.replaceAll('—', '-')),
      bad('a tab', 'Control characters other than newlines are refused.', note.replace('18', '\t18')),
      bad('newlines of two characters', 'Control characters other than newlines are refused.', note.replaceAll('\n', '\r\n')),
      bad('a name with a space', 'A name has none.', note.replaceAll('w1.example/x', 'w1 example')),
      bad('a name with a plus', 'A name has none.', note.replaceAll('w1.example/x', 'w1+example')),
      bad('base 64 without its padding', 'It has one form.', note.replace(/=+\n$/, '\n')),
      bad('a signature of no bytes', 'Behind the ID there is something.', `${note}— x ${toBase64(new Uint8Array(4))}\n`),
    ],
  }
}

export const checkpoints = (): CheckpointFile => {
  const [origin, root] = [ORIGIN, toBase64(new Uint8Array(32).fill(7))]
  const bad = (name: string, description: string, text: string, code = 'Malformed') => ({ name, description, text, expect: { code } })
  return {
    kind: 'checkpoint',
    about: 'The texts of checkpoints, unsigned.',
    vectors: [
      { name: 'a checkpoint', description: 'Of 18 entries.', text: TEXT, expect: { origin, size: 18, root, extensions: [] } },
      {
        name: 'lines that extend it',
        description: 'They are opaque.',
        text: `${TEXT}one\ntwo three\n`,
        expect: { origin, size: 18, root, extensions: ['one', 'two three'] },
      },
      {
        name: 'the largest size',
        description: '2^53 - 1.',
        text: TEXT.replace('\n18\n', '\n9007199254740991\n'),
        expect: { origin, size: Number.MAX_SAFE_INTEGER, root, extensions: [] },
      },
      {
        name: 'no entries',
        description: 'Its root is SHA-256 of nothing.',
        text: `${origin}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n`,
        expect: { origin, size: 0, root: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', extensions: [] },
      },
      bad('no entries under another root', 'There is one root of nothing.', TEXT.replace('\n18\n', '\n0\n')),
      bad('a size over 2^53 - 1', 'Not every language can count so far.', TEXT.replace('\n18\n', '\n9007199254740992\n'), 'TooLarge'),
      bad('a leading zero', 'A size has one form.', TEXT.replace('\n18\n', '\n018\n')),
      bad('a sign', 'A size has one form.', TEXT.replace('\n18\n', '\n+18\n')),
      bad('an exponent', 'A size has one form.', TEXT.replace('\n18\n', '\n1e1\n')),
      bad('no origin', 'Its first line is empty.', TEXT.replace(ORIGIN, '')),
      bad('a root of 31 bytes', 'It is no hash.', TEXT.replace(root, toBase64(new Uint8Array(31)))),
      bad('bits to spare', 'Base 64 has one form.', TEXT.replace('Bwc=', 'Bwd=')),
      bad('an empty line', 'Lines that extend it are not empty.', `${TEXT}\none\n`),
      bad('no last newline', 'Each line ends with one.', TEXT.slice(0, -1)),
      bad('two lines', 'It has three at least.', `${ORIGIN}\n18\n`),
    ],
  }
}

export const tilePaths = (): TilePathFile => {
  const bad = (path: string, description: string) => ({ name: path, description, path, expect: { code: 'Malformed' } })
  const good = (path: string, level: number | 'entries', index: number, width: number) => {
    return { name: path, description: 'A tile.', path, expect: { level, index, width } }
  }
  return {
    kind: 'tile-path',
    about: 'The paths of tiles and bundles below the prefix of a log.',
    vectors: [
      good('tile/0/000', 0, 0, 256),
      good('tile/0/x001/x234/067', 0, 1_234_067, 256),
      good('tile/1/999.p/255', 1, 999, 255),
      good('tile/63/000.p/1', 63, 0, 1),
      good('tile/entries/x001/000.p/17', 'entries', 1000, 17),
      bad('tile/64/000', 'Levels end at 63.'),
      bad('tile/00/000', 'A level has one form.'),
      bad('tile/0/0', 'Three digits.'),
      bad('tile/0/x000/001', 'An index has one form.'),
      bad('tile/0/001/000', 'All but the last begin with x.'),
      bad('tile/0/x001', 'The last has no x.'),
      bad('tile/0/000.p/0', 'An empty tile is none.'),
      bad('tile/0/000.p/256', 'A full tile says nothing of its width.'),
      bad('tile/0/000.p/01', 'A width has one form.'),
      bad('tile/0/x009/x007/x199/x254/x740/992', '2^53: not every language can tell it from its neighbour.'),
    ],
  }
}

export const bundles = (): BundleFile => {
  const three = ['one', '', 'three'].map((text) => new TextEncoder().encode(text))
  const bytes = encodeEntries(three)
  const bad = (name: string, description: string, bent: Uint8Array, width = 3) => {
    return { name, description, bytes: toBase64(bent), width, expect: { code: 'Malformed' } }
  }
  return {
    kind: 'bundle',
    about: 'Bundles of entries: each behind its length in two bytes, as many as the path of the bundle says.',
    vectors: [
      {
        name: 'three entries',
        description: 'One of them is empty.',
        bytes: toBase64(bytes),
        width: 3,
        expect: { entries: three.map(toBase64) },
      },
      bad('a cut entry', 'It claims more than there is.', bytes.subarray(0, -1)),
      bad('a cut length', 'One byte of two.', Uint8Array.of(...bytes, 0), 4),
      bad('an entry too many', 'The path says how many.', bytes, 2),
      bad('an entry too few', 'The path says how many.', bytes, 4),
    ],
  }
}
