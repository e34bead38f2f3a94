import assert from 'node:assert/strict'
import { signerFromSeed } from '@symbiosis/protocol'
import {
  COSIGNATURE,
  decodeVerifierKey,
  ED25519,
  encodeVerifierKey,
  formatNote,
  noteSigner,
  parseNote,
  signNote,
  verifierKey,
  verifyNote,
} from '@symbiosis/protocol/revocation'
import fc from 'fast-check'
import { alice, bob } from '../../fixtures.ts'
import { refuses, rejects } from '../refusal.ts'

const seed = (text: string) => new Uint8Array(Buffer.from(text, 'base64').subarray(1))
const utf8 = (text: string) => new TextEncoder().encode(text)

/** What the tests of golang.org/x/mod/sumdb/note sign and verify. */
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const PETER_SEED = seed('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz')
const PETER_LINE = '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const ENOCH = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
const ENOCH_LINE = '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'
const peter = noteSigner('PeterNeumann', signerFromSeed(PETER_SEED))
const names = (signatures: readonly { name: string }[]) => signatures.map(({ name }) => name)

describe('A signed note', () => {
  it('is signed byte for byte as by the reference', async () => {
    assert.equal(encodeVerifierKey(peter.key), PETER)
    assert.equal(await signNote({ text: TEXT }, peter), `${TEXT}\n${PETER_LINE}`)
  })

  it('of the specification is verified', () => {
    const note =
      'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'
    const key = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
    const { text, signatures, unknown } = verifyNote(note, [key])
    assert.deepEqual([text, names(signatures), unknown], ['This is an example message.\n', ['example.com/foo'], []])
    assert.equal(signatures[0]?.id, 0x530d903a)
  })

  it('is read as text or bytes, and tells whose signatures are known and whose are not', () => {
    const note = `${TEXT}\n${PETER_LINE}${ENOCH_LINE}`
    for (const form of [note, utf8(note), Buffer.from(note)]) {
      const one = verifyNote(form, [PETER])
      assert.deepEqual([one.text, names(one.signatures), names(one.unknown)], [TEXT, ['PeterNeumann'], ['EnochRoot']])
      const both = verifyNote(form, [decodeVerifierKey(ENOCH), PETER])
      assert.deepEqual([names(both.signatures), both.unknown], [['PeterNeumann', 'EnochRoot'], []])
      refuses(() => verifyNote(form, []), 'BadSignature')
    }
    assert.equal(formatNote(parseNote(note)), note)
  })

  it('counts a signature that stands there twice once', () => {
    const bent = ENOCH_LINE.replace('2tiO', 'ABCD2tiO')
    const note = verifyNote(`${TEXT}\n${PETER_LINE}${PETER_LINE}${ENOCH_LINE}${ENOCH_LINE}${bent}`, [PETER])
    assert.deepEqual([names(note.signatures), names(note.unknown)], [['PeterNeumann'], ['EnochRoot', 'EnochRoot']])
  })

  it('is refused for a known key that did not sign it, whoever else did, and whatever else it signed', () => {
    const bent = `${PETER_LINE.slice(0, 60)}ABCD${PETER_LINE.slice(60)}`
    for (const lines of [bent, bent + ENOCH_LINE, ENOCH_LINE + bent, PETER_LINE + bent]) {
      refuses(() => verifyNote(`${TEXT}\n${lines}`, [PETER, ENOCH]), 'BadSignature', { field: 'PeterNeumann' })
    }
    refuses(() => verifyNote(`${TEXT}more\n\n${PETER_LINE}`, [PETER]), 'BadSignature', { field: 'PeterNeumann' })
  })

  it('is refused for each bit of a signature', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 64 * 8 - 1 }), (bit) => {
        const { text, signatures } = parseNote(`${TEXT}\n${PETER_LINE}`)
        const [{ name, id, bytes }] = signatures as [(typeof signatures)[0]]
        const bent = bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
        refuses(() => verifyNote(formatNote({ text, signatures: [{ name, id, bytes: bent }] }), [PETER]), 'BadSignature')
      }),
    )
  })

  it('leaves alone who shares a name or an ID with a known key, but not both', () => {
    const misnamed = PETER_LINE.replace('PeterNeumann', 'CarmenSandiego')
    const otherId = PETER_LINE.replace('x08g', 'xxxx')
    const { signatures, unknown } = verifyNote(`${TEXT}\n${misnamed}${otherId}${ENOCH_LINE}`, [PETER, ENOCH])
    assert.deepEqual([names(signatures), names(unknown)], [['EnochRoot'], ['CarmenSandiego', 'PeterNeumann']])
    refuses(() => verifyNote(`${TEXT}\n${misnamed}`, [PETER]), 'BadSignature', { field: 'keys' })
  })

  it('is refused by who knows two keys of one name and ID, where it is signed by one of them', () => {
    refuses(() => verifyNote(`${TEXT}\n${ENOCH_LINE}`, [ENOCH, PETER, ENOCH]), 'Malformed', { field: 'keys' })
    assert.equal(verifyNote(`${TEXT}\n${PETER_LINE}`, [ENOCH, PETER, ENOCH]).text, TEXT)
  })

  it('is Malformed in any other form', () => {
    const signed = `${TEXT}\n${PETER_LINE}`
    const bent = [
      '',
      '\n',
      TEXT,
      `${TEXT}\n`,
      PETER_LINE,
      `\n${PETER_LINE}`,
      TEXT + PETER_LINE,
      signed.slice(0, -1),
      (signed + ENOCH_LINE).slice(0, -1),
      `${signed}\n`,
      `\u0001${signed}`,
      `\t${signed}`,
      signed.replaceAll('\n', '\r\n'),
      `${TEXT}\u0000\n\n${PETER_LINE}`,
      `\ud800${signed}`,
      `${signed}Unexpected line.\n`,
      `${TEXT}\n${PETER_LINE.replace('— ', '- ')}`,
      `${TEXT}\n${PETER_LINE.replace('— ', '—')}`,
      `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter Neumann')}`,
      `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter\u00a0Neumann')}`,
      `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter\u0085Neumann')}`,
      `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter+Neumann')}`,
      `${TEXT}\n${PETER_LINE.replace('PeterNeumann', '')}`,
      `${TEXT}\n— PeterNeumann\n`,
      `${TEXT}\n— PeterNeumann \n`,
      `${TEXT}\n— PeterNeumann x08gow==\n`,
      `${TEXT}\n${PETER_LINE.replace('=\n', '\n')}`,
      `${TEXT}\n${PETER_LINE.replace('=\n', '= \n')}`,
      `${TEXT}\n${PETER_LINE.replace('nAM=', 'nAN=')}`,
      `${TEXT}\n${PETER_LINE.replace('/', '_')}`,
    ]
    for (const note of bent) refuses(() => parseNote(note), 'Malformed', { field: 'note' })
    for (const note of bent.filter((text) => text.isWellFormed())) refuses(() => parseNote(utf8(note)), 'Malformed', { field: 'note' })
    refuses(() => parseNote(new Uint8Array([0xff, ...utf8(signed)])), 'Malformed', { field: 'note' })
  })

  it('has its signatures behind its last empty line, and may have others', () => {
    const text = 'sola\n\nsera\n'
    assert.equal(parseNote(`${text}\n${PETER_LINE}`).text, text)
    assert.equal(parseNote(`\n\n${PETER_LINE}`).text, '\n')
    assert.equal(parseNote(`\ufeff${text}\n${PETER_LINE}`).text, `\ufeff${text}`, 'a byte order mark is text')
    assert.equal(parseNote(utf8(`\ufeff${text}\n${PETER_LINE}`)).text, `\ufeff${text}`)
  })

  it('is read up to its bounds', () => {
    const many = (count: number) =>
      `${TEXT}\n${Array.from({ length: count }, (_, at) => PETER_LINE.replace('Neumann', String(at))).join('')}`
    assert.equal(parseNote(many(100)).signatures.length, 100)
    refuses(() => parseNote(many(101)), 'TooLarge', { field: 'signatures', limit: 100 })
    refuses(() => parseNote(`${TEXT}\n${PETER_LINE.repeat(101)}`), 'TooLarge', { field: 'signatures' })
    refuses(() => parseNote(many(3), { signatures: 2 }), 'TooLarge', { field: 'signatures', limit: 2 })
    const note = `ä${TEXT}\n${PETER_LINE}`
    const noteBytes = utf8(note).length
    for (const form of [note, utf8(note)]) {
      assert.equal(parseNote(form, { noteBytes }).signatures.length, 1)
      refuses(() => parseNote(form, { noteBytes: noteBytes - 1 }), 'TooLarge', { field: 'noteBytes', limit: noteBytes - 1 })
    }
    refuses(() => verifyNote(note, [PETER], { noteBytes: 9 }), 'TooLarge', { field: 'noteBytes' })
  })

  it('reads back as it was written, whatever its text', async () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/\p{Cc}/gu, ' '))
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1 }), async (lines) => {
        const text = `${lines.join('\n')}\n`
        const note = await signNote({ text }, noteSigner('alice', alice), noteSigner('bob', bob))
        const read = verifyNote(note, [noteSigner('bob', bob).key])
        assert.deepEqual([read.text, names(read.signatures), names(read.unknown)], [text, ['bob'], ['alice']])
        assert.equal(formatNote(parseNote(note)), note)
      }),
      { numRuns: 50 },
    )
  })

  it('is signed anew with an older signature of the key giving way, and the others kept', async () => {
    const old = parseNote(`${TEXT}\n${PETER_LINE.replace('ZJ', 'AA')}${ENOCH_LINE}`)
    assert.equal(await signNote(old, peter), `${TEXT}\n${ENOCH_LINE}${PETER_LINE}`)
    const namesake = PETER_LINE.replace('x08g', 'xxxx')
    assert.equal(await signNote(parseNote(`${TEXT}\n${namesake}`), peter), `${TEXT}\n${namesake}${PETER_LINE}`)
  })

  it('is not signed in a form that no one would read', async () => {
    for (const text of ['abc', '', 'a\tb\n', 'a\rb\n', '\ud800\n']) await rejects(signNote({ text }, peter), 'Malformed', { field: 'note' })
    await rejects(signNote({ text: TEXT }), 'Malformed', { field: 'note' })
    const [signature] = parseNote(`${TEXT}\n${PETER_LINE}`).signatures
    for (const name of ['a+b', 'a b', '']) {
      refuses(() => formatNote({ text: TEXT, signatures: [{ id: 1, bytes: new Uint8Array(64), ...signature, name }] }), 'Malformed')
    }
    refuses(() => formatNote({ text: TEXT, signatures: [{ name: 'a', id: 1, bytes: new Uint8Array() }] }), 'Malformed')
  })
})

describe('A verifier key', () => {
  it('has the ID of the reference, and reads back', () => {
    for (const [text, type] of [
      [PETER, ED25519],
      [ENOCH, ED25519],
      ['witness.example/w2+43fe9e55+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4', COSIGNATURE],
    ] as const) {
      const key = decodeVerifierKey(text)
      assert.equal(key.type, type)
      assert.equal(encodeVerifierKey(key), text)
    }
  })

  it('is refused for each part of it and each letter changed', () => {
    for (let start = 0; start <= PETER.length; start++) {
      for (let end = start; end <= PETER.length; end++) {
        if (end - start < PETER.length) refuses(() => decodeVerifierKey(PETER.slice(start, end)), 'Malformed')
      }
    }
    for (let at = 0; at < PETER.length; at++) {
      const bent = PETER.slice(0, at) + String.fromCharCode(PETER.charCodeAt(at) + 1) + PETER.slice(at + 1)
      assert.throws(() => decodeVerifierKey(bent), { name: /^(Malformed|Unsupported)$/ }, bent)
    }
    refuses(() => decodeVerifierKey(PETER.replace('c74f20a3', 'C74F20A3')), 'Malformed')
  })

  it('is refused in the ways in which the reference refuses, with the ID adjusted', () => {
    refuses(() => decodeVerifierKey('PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=='), 'Malformed')
    refuses(() => decodeVerifierKey('PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'), 'Unsupported', { field: 'type' })
    refuses(() => decodeVerifierKey('PeterNeumann+173116ae+'), 'Malformed')
  })

  it('has a name without spaces, plus and control characters, and 32 bytes', () => {
    for (const name of ['', 'a b', 'a+b', 'a\u2003b', 'a\u3000', 'a\nb', 'a\u0001b', '\ud800']) {
      refuses(() => verifierKey(name, new Uint8Array(32)), 'Malformed', { field: 'name' })
    }
    for (const length of [0, 31, 33]) refuses(() => verifierKey('a', new Uint8Array(length)), 'Malformed', { field: 'publicKey' })
    assert.notEqual(verifierKey('a', new Uint8Array(32)).id, verifierKey('a', new Uint8Array(32), COSIGNATURE).id)
  })
})
