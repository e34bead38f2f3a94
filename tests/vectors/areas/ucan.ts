import { type Block, didFromPublicKey, encode, isSigned, issueUcan, signingPayload, type Ucan } from '@symbiosis/protocol'
import { bent, blockOf, modelOf, Raw } from '../../attacks/bent.ts'
import { FORMS } from '../../attacks/forms.ts'
import { alice, NOW, phone } from '../../fixtures.ts'
import type { UcanVector, VectorFile } from '../format.ts'
import { toBase64, toDagJson } from '../json.ts'

const at = blockOf(encode('somewhere')).cid
const issue = (over: object = {}): Promise<Ucan> =>
  issueUcan(alice, {
    audience: phone.did,
    capabilities: [{ can: 'jar/look', with: alice.did, nb: { at } }],
    expiration: NOW + 3600,
    nonce: 'ucan',
    ...over,
  })

const look = (nb: object) => ({ capabilities: [{ can: 'jar/look', with: alice.did, nb }] })
/** Claims and signed payload of each are what they are by construction. */
const GOOD: readonly [string, string, object][] = [
  ['a delegation', 'An ability, a resource, an `nb` with a link.', {}],
  ['the least', 'No nonce, no `nb`.', { nonce: undefined, capabilities: [{ can: '*', with: alice.did }] }],
  ['every field', 'nbf, nnc, fct and prf.', { notBefore: NOW, facts: [{ a: 1, b: [at, { c: null }] }, {}], proofs: [at, at] }],
  ['no end', '`exp` is null, in the block and in the payload.', { expiration: null }],
  ['an end at zero', 'Zero is a time.', { expiration: 0 }],
  [
    'several capabilities',
    'Their order is kept.',
    {
      capabilities: [
        { can: 'jar/put', with: alice.did },
        { can: 'jar/*', with: phone.did, nb: {} },
      ],
    },
  ],
  ['ucan:*', 'What its issuer holds, whatever that is.', { capabilities: [{ can: '*', with: 'ucan:*' }] }],
  ['a URI', 'A resource that is no DID.', { capabilities: [{ can: 'jar/look', with: 'https://example.org/a?b=c#d' }] }],
  ['a long ability', 'More segments, and every kind of character.', { capabilities: [{ can: 'a.b-c_d:e/f.g/h-i_j/*', with: alice.did }] }],
  [
    'values of every kind',
    'How DAG-JSON spells them is what the signature covers.',
    look({ a: [1, -1, 1.5, true, false, null], b: Uint8Array.of(255, 1), c: at, d: { e: {} } }),
  ],
  [
    'bytes without padding',
    'DAG-JSON has base 64 without padding: of one, two, three and no bytes.',
    look({ a: Uint8Array.of(1), b: Uint8Array.of(1, 2), c: Uint8Array.of(1, 2, 3), d: new Uint8Array() }),
  ],
  ['numbers', 'As JSON of JavaScript writes them.', look({ a: 1e-7, b: 123456.789, c: 1e-300 / 3, d: 2 ** 53 - 1, e: -0.5 })],
  [
    'keys in another order',
    'The block orders keys by length first, the payload by their UTF-16 units.',
    look({ b: 1, aa: 2, A: 3, '10': 4, '9': 5 }),
  ],
  [
    'keys beyond ASCII',
    'A character outside the basic plane sorts below U+FFFF, as its surrogates do.',
    look({ '😀': 1, '\uffee': 2, é: 3, z: 4 }),
  ],
  [
    'texts with escapes',
    'Quotes, backslashes, control characters, and what JSON leaves as it is.',
    look({ a: '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028é😀' }),
  ],
  ['a nonce with escapes', 'The same in the nonce.', { nonce: 'a"b\n😀' }],
]

/** Second forms and no forms, beside those of the attack tests. */
const BAD: readonly [string, string, string, (ucan: Ucan) => Block][] = [
  ['no map', 'A list.', 'Malformed', () => blockOf(encode([]))],
  ['null', 'A block of one byte.', 'Malformed', () => blockOf(encode(null))],
  ['another map', 'No UCAN at all.', 'Malformed', () => blockOf(encode({ hello: 'world' }))],
  ['no CBOR', 'A byte that begins nothing.', 'Malformed', () => blockOf(Uint8Array.of(0x1c))],
  ['another version', 'A version that is not spoken here.', 'Unsupported', (ucan) => bent(ucan, { v: '0.10.0' })],
  ['no signature', 'The field is missing.', 'Malformed', (ucan) => bent(ucan, { s: undefined })],
  ['a signature as text', 'Signatures are bytes.', 'Malformed', (ucan) => bent(ucan, { s: 'signed' })],
  ['a short signature', 'A byte is missing.', 'NotCanonical', (ucan) => bent(ucan, { s: (modelOf(ucan).s as Uint8Array).subarray(0, 67) })],
  ['an issuer as a DID', 'Principals are bytes.', 'Malformed', (ucan) => bent(ucan, { iss: alice.did })],
  [
    'another kind of key',
    'An issuer with a key of P-256.',
    'Unsupported',
    (ucan) => bent(ucan, { iss: Uint8Array.of(0x80, 0x24, ...new Uint8Array(33).fill(2)) }),
  ],
  [
    'another DID method',
    'did:web, behind 0x0d1d.',
    'Unsupported',
    (ucan) => bent(ucan, { aud: Uint8Array.of(0x9d, 0x1a, ...new TextEncoder().encode('web:example.org')) }),
  ],
  ...[
    ['the first byte of 0x0d1d', Uint8Array.of(0x9d, 0x01)],
    ['the last byte of 0x0d1d', Uint8Array.of(0xed, 0x1a)],
  ].map(([which, codec]): (typeof BAD)[number] => [
    `a principal behind ${which}`,
    'No key, and no DID either, though its text reads like one.',
    'Unsupported',
    (ucan) => bent(ucan, { aud: Uint8Array.of(...(codec as Uint8Array), ...new TextEncoder().encode(alice.did.slice(4))) }),
  ]),
  ['no capabilities', 'An empty list delegates nothing.', 'Malformed', (ucan) => bent(ucan, { att: [] })],
  ['capabilities that are no list', 'A map.', 'Malformed', (ucan) => bent(ucan, { att: { can: '*', with: alice.did } })],
  ['a capability that is no map', 'A text.', 'Malformed', (ucan) => bent(ucan, { att: ['*'] })],
  ['a capability that is null', 'Not even that.', 'Malformed', (ucan) => bent(ucan, { att: [null] })],
  ['an ability in a list', 'As text it reads the same.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: ['jar/*'], with: alice.did }] })],
  ['a resource in a list', 'As text it reads the same.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: '*', with: [alice.did] }] })],
  [
    'a resource that ends like a URI',
    'What it begins with is no scheme.',
    'Malformed',
    (ucan) => bent(ucan, { att: [{ can: '*', with: 'about did:key:' }] }),
  ],
  ['a capability without a resource', 'The field is missing.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: '*' }] })],
  ['a resource that is no URI', 'A text without a scheme.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: '*', with: 'alice' }] })],
  ['a resource that is no text', 'A number.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: '*', with: 1 }] })],
  ['an ability without a service', 'A single segment.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: 'look', with: alice.did }] })],
  [
    'an ability with an empty segment',
    'Nothing stands between two slashes.',
    'Malformed',
    (ucan) => bent(ucan, { att: [{ can: 'jar//look', with: alice.did }] }),
  ],
  [
    'an ability that ends with a slash',
    'Nothing stands behind it.',
    'Malformed',
    (ucan) => bent(ucan, { att: [{ can: 'jar/', with: alice.did }] }),
  ],
  ['a star in the middle', 'A star stands last.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: 'jar/*/look', with: alice.did }] })],
  [
    'a star beside letters',
    'A star is a whole segment.',
    'Malformed',
    (ucan) => bent(ucan, { att: [{ can: 'jar/lo*', with: alice.did }] }),
  ],
  ...(
    [
      ['with the sign for kelvin', 'It lower-cases to the letter k in Unicode.', 'jar/loo\u212a'],
      ['with a long s', 'It upper-cases to the letter S in Unicode.', 'jar/\u017fink'],
      ['with a letter that looks like another', 'A Cyrillic one.', '\u0458ar/look'],
      ['with another slash', 'A wide one.', 'jar\uff0flook'],
      ['with a line behind it', 'The end of the text is meant, and not of the line.', 'jar/look\n'],
      ['with a NUL behind it', 'The end of the text is meant, and not the first NUL.', 'jar/look\u0000'],
      ['with an escape', 'Nothing is unescaped.', 'jar/%6cook'],
    ] as const
  ).map(([what, description, can]): [string, string, string, (ucan: Ucan) => Block] => [
    `an ability ${what}`,
    description,
    'Malformed',
    (ucan) => bent(ucan, { att: [{ can, with: alice.did }] }),
  ]),
  ['an ability with a space', 'No such character.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: 'jar/look at', with: alice.did }] })],
  [
    'nb: null',
    'Stock packages sign it, and it says no more than a missing one.',
    'Malformed',
    (ucan) => bent(ucan, { att: [{ can: '*', with: alice.did, nb: null }] }),
  ],
  ['an nb that is a list', 'A map, or nothing.', 'Malformed', (ucan) => bent(ucan, { att: [{ can: '*', with: alice.did, nb: [] }] })],
  [
    'a "/" deep in an nb',
    'In a list, in a map: under the signature it may be a link.',
    'NotCanonical',
    (ucan) => bent(ucan, { att: [{ can: '*', with: alice.did, nb: { a: [{ b: { '/': 1 } }] } }] }),
  ],
  ['a "/" in a fact', 'The same in facts.', 'NotCanonical', (ucan) => bent(ucan, { fct: [{ '/': 'x' }] })],
  ['a fact that is no map', 'A text.', 'Malformed', (ucan) => bent(ucan, { fct: ['fact'] })],
  ['a negative end', 'Before 1970 nothing was signed.', 'Malformed', (ucan) => bent(ucan, { exp: -1 })],
  ['an end as a text', 'Times are integers.', 'Malformed', (ucan) => bent(ucan, { exp: '1800000000' })],
  ['an end with a fraction', 'Whole seconds.', 'Malformed', (ucan) => bent(ucan, { exp: 1_800_000_000.5 })],
  ['a negative beginning', 'Before 1970 nothing was signed.', 'Malformed', (ucan) => bent(ucan, { nbf: -1 })],
  ['proofs that are no list', 'A link alone.', 'Malformed', (ucan) => bent(ucan, { prf: at })],
  ['a proof as a text', 'A CID as the payload has it, and not the block.', 'Malformed', (ucan) => bent(ucan, { prf: [String(at)] })],
  [
    'an end over 2^53',
    'A time that not every language can hold.',
    'Malformed',
    (ucan) => bent(ucan, { exp: new Raw(0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0) }),
  ],
  [
    'an end of 2^64 - 1',
    'As a signed number it would be -1.',
    'Malformed',
    (ucan) => bent(ucan, { exp: new Raw(0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) }),
  ],
  ['an end that is infinite', 'null says that.', 'Malformed', (ucan) => bent(ucan, { exp: new Raw(0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0) })],
]

/** Forms whose fault is their CID say nothing about bytes alone: `forms.json` has them in messages. */
const BY_CID = [
  'another CID over its bytes',
  'its CID over other bytes',
  'a sha2-512 CID',
  'a sha2-256 CID that is cut',
  'the raw codec',
  'a CID of version 0',
  'a JWT',
]
/** What counts for nothing is no UCAN, but for these: they are of a kind that is not spoken here. */
const UNSUPPORTED = ['another signature algorithm', 'the issuer with a byte more']

const OTHER_KEY = new Uint8Array(32).fill(3)

/** A signature that covers something else. */
const UNSIGNED: readonly [string, string, Record<string, unknown>][] = [
  ['a later end under the same signature', 'A field that the signature covers was changed.', { exp: NOW + 3601 }],
  ['another nonce under the same signature', 'A field that the signature covers was changed.', { nnc: 'other' }],
  ['no nonce under the same signature', 'A field that the signature covers was left out.', { nnc: undefined }],
  ['a proof more under the same signature', 'A field that the signature covers was changed.', { prf: [at] }],
  ['a fact more under the same signature', 'A field that the signature covers was added.', { fct: [{ a: 1 }] }],
  ['a beginning under the same signature', 'A field that the signature covers was added.', { nbf: 1 }],
  [
    'another audience under the same signature',
    'A field that the signature covers was changed.',
    { aud: Uint8Array.of(0xed, 0x01, ...OTHER_KEY) },
  ],
]

export const ucan = async (): Promise<VectorFile> => {
  const vectors: UcanVector[] = []
  for (const [name, description, over] of GOOD) vectors.push(goodVector(name, description, await issue(over)))
  const honest = await issue()
  for (const [name, description, changes] of UNSIGNED)
    vectors.push(unsignedVector(name, description, bent(honest, changes), honest, changes))
  for (const [name, description, code, bend] of BAD) {
    vectors.push({ name, description, bytes: toBase64(bend(honest).bytes), expect: { code } })
  }
  for (const [name, [met, bend]] of Object.entries(FORMS)) {
    if (BY_CID.includes(name) || met === 'BadSignature') continue
    const code = met === 'void' ? (UNSUPPORTED.includes(name) ? 'Unsupported' : 'Malformed') : met
    const description = 'A second block for the one signature of a UCAN.'
    vectors.push({ name, description, bytes: toBase64(bend(honest).bytes), expect: { code } })
  }
  return {
    kind: 'ucan',
    about: 'Blocks of UCANs: the one form that the signed payload maps to, the payload itself, and whether its issuer signed it.',
    vectors,
  }
}

const claimsOf = ({ issuer, audience, capabilities, expiration, notBefore, nonce, facts, proofs }: Ucan) =>
  toDagJson({ issuer, audience, capabilities, expiration, notBefore, nonce, facts, proofs })

const goodVector = (name: string, description: string, made: Ucan): UcanVector => {
  if (!isSigned(made)) throw new Error(`${name} is not signed.`)
  const payload = new TextDecoder().decode(signingPayload(made))
  return {
    name,
    description,
    bytes: toBase64(made.bytes),
    expect: { cid: String(made.cid), claims: claimsOf(made), payload, signed: true },
  }
}

const WORDS: Record<string, string> = { exp: 'expiration', nnc: 'nonce', prf: 'proofs', fct: 'facts', nbf: 'notBefore' }

const unsignedVector = (name: string, description: string, block: Block, honest: Ucan, changes: Record<string, unknown>): UcanVector => {
  const changed = Object.entries(changes).map(([field, value]) =>
    field === 'aud' ? (['audience', didFromPublicKey(OTHER_KEY)] as const) : ([WORDS[field] as string, value] as const),
  )
  const claims = { ...honest, ...Object.fromEntries(changed) } as Ucan
  const payload = new TextDecoder().decode(signingPayload(claims))
  return {
    name,
    description,
    bytes: toBase64(block.bytes),
    expect: { cid: String(block.cid), claims: claimsOf(claims), payload, signed: false },
  }
}
