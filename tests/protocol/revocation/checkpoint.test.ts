import assert from 'node:assert/strict'
import {
  type Checkpoint,
  cosignatureTime,
  cosigner,
  emptyRoot,
  formatCheckpoint,
  noteSigner,
  originOf,
  parseCheckpoint,
  parseNote,
  signCheckpoint,
  signNote,
  verifyCheckpoint,
  verifyNote,
} from '@symbiosis/protocol/revocation'
import { alice, bob, mallory, NOW, phone } from '../../fixtures.ts'
import { refuses, rejects } from '../refusal.ts'

const root = new Uint8Array(32).fill(7)
const origin = originOf(alice.did)
const checkpoint: Checkpoint = { origin, size: 18, root }
const TEXT = `${alice.did}/revocations\n18\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n`

describe('A checkpoint', () => {
  it('is three lines, and those that extend it', () => {
    assert.equal(formatCheckpoint(checkpoint), TEXT)
    assert.deepEqual(parseCheckpoint(TEXT), { ...checkpoint, extensions: [] })
    const extended = { ...checkpoint, extensions: ['one', 'two'] }
    assert.equal(formatCheckpoint(extended), `${TEXT}one\ntwo\n`)
    assert.deepEqual(parseCheckpoint(`${TEXT}one\ntwo\n`), extended)
  })

  it('of the specification is read', () => {
    const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
    const { origin, size } = parseCheckpoint(text)
    assert.deepEqual([origin, size], ['example.com/behind-the-sofa', 20852163])
    assert.equal(formatCheckpoint(parseCheckpoint(text)), text)
  })

  it('of a log without entries has the root of nothing', () => {
    const empty = { origin, size: 0, root: emptyRoot() }
    assert.deepEqual(parseCheckpoint(formatCheckpoint(empty)), { ...empty, extensions: [] })
    refuses(() => formatCheckpoint({ ...empty, root }), 'Malformed', { field: 'root' })
  })

  it('is Malformed in any other form', () => {
    const bent: [string, string, string][] = [
      ['', '18\n', 'size'],
      ['\n18\n', '\n\n', 'size'],
      ['\n18\n', '\n018\n', 'size'],
      ['\n18\n', '\n+18\n', 'size'],
      ['\n18\n', '\n-18\n', 'size'],
      ['\n18\n', '\n18.0\n', 'size'],
      ['\n18\n', '\n1e1\n', 'size'],
      ['\n18\n', '\n0x12\n', 'size'],
      ['\n18\n', '\n 18\n', 'size'],
      ['\n18\n', '\n١٨\n', 'size'],
      [origin, '', 'origin'],
      ['Bwc=', 'Bwc', 'root'],
      ['Bwc=', 'Bwd=', 'root'],
      ['BwcH', '', 'root'],
      ['BwcH', 'BwcHBwcH', 'root'],
      ['Bwc=\n', 'Bwc=\n\n', 'extensions'],
      ['Bwc=\n', 'Bwc=\n\none\n', 'extensions'],
      ['Bwc=\n', 'Bwc=', 'text'],
      ['Bwc=\n', 'Bwc=\none', 'text'],
      ['\n18\n', '\n18\r\n', 'text'],
      [origin, `${origin}\u0000`, 'text'],
      [origin, `${origin}\ud800`, 'text'],
    ]
    for (const [from, to, field] of bent) refuses(() => parseCheckpoint(TEXT.replace(from, to)), 'Malformed', { field })
    for (const text of ['', '\n', `${origin}\n`, `${origin}\n18\n`]) refuses(() => parseCheckpoint(text), 'Malformed')
  })

  it('counts up to 2^53 - 1', () => {
    assert.equal(parseCheckpoint(TEXT.replace('18', '9007199254740991')).size, Number.MAX_SAFE_INTEGER)
    for (const size of ['9007199254740992', '18446744073709551615', '9'.repeat(400)]) {
      refuses(() => parseCheckpoint(TEXT.replace('18', size)), 'TooLarge', { field: 'size', limit: Number.MAX_SAFE_INTEGER })
    }
  })

  it('is not written where no one would read it', () => {
    for (const size of [-1, 1.5, 2 ** 53]) refuses(() => formatCheckpoint({ ...checkpoint, size }), 'Malformed', { field: 'size' })
    for (const length of [0, 31, 33])
      refuses(() => formatCheckpoint({ ...checkpoint, root: new Uint8Array(length) }), 'Malformed', { field: 'root' })
    for (const bent of ['', `${origin}\n`, `\n${origin}`, `${origin}\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=`]) {
      refuses(() => formatCheckpoint({ ...checkpoint, origin: bent }), 'Malformed')
    }
    for (const extension of ['', 'a\nb', 'a\n', '\u0007'])
      refuses(() => formatCheckpoint({ ...checkpoint, extensions: [extension] }), 'Malformed')
  })
})

describe('A signed checkpoint', () => {
  const log = noteSigner(origin, alice)
  const [w1, w2] = [cosigner('w1.example', bob, () => NOW), cosigner('w2.example', phone, () => NOW + 1)]
  const trust = { origin, keys: [log.key], witnesses: [w1.key, w2.key] }

  it("is the log's by its key, and tells who cosigned it when", async () => {
    const note = await signCheckpoint(checkpoint, log, w2, w1)
    const { cosigned, ...read } = verifyCheckpoint(note, { ...trust, quorum: 2 })
    assert.deepEqual(read, { ...checkpoint, extensions: [] })
    assert.deepEqual(cosigned, [
      { name: 'w1.example', time: NOW },
      { name: 'w2.example', time: NOW + 1 },
    ])
    assert.deepEqual(verifyCheckpoint(note, { origin, keys: [log.key] }).cosigned, [])
  })

  it('is refused where it is of another log, or its log did not sign it', async () => {
    const note = await signCheckpoint(checkpoint, log, w1)
    refuses(() => verifyCheckpoint(note, { ...trust, origin: originOf(bob.did) }), 'BadSignature', { field: 'origin' })
    refuses(() => verifyCheckpoint(note, { ...trust, keys: [noteSigner(origin, mallory).key] }), 'BadSignature', { field: 'keys' })
    const byWitness = await signCheckpoint(checkpoint, w1)
    refuses(() => verifyCheckpoint(byWitness, trust), 'BadSignature', { field: 'keys' })
    // A signature over something else in the log's name.
    const elsewhere = await signNote({ text: `${TEXT}more\n`, signatures: parseNote(note).signatures }, noteSigner('x', mallory))
    refuses(() => verifyCheckpoint(elsewhere, trust), 'BadSignature', { field: origin })
  })

  it('is refused where too few witnesses cosigned it, however often one did', async () => {
    const once = await signCheckpoint(checkpoint, log, w1)
    const again = cosigner('w1.example', bob, () => NOW + 9)
    const { text, signatures } = parseNote(once)
    const twice = await signNote(
      { text, signatures: [...signatures, ...parseNote(await signNote({ text }, again)).signatures] },
      noteSigner('x', mallory),
    )
    for (const note of [once, twice]) {
      assert.deepEqual(verifyCheckpoint(note, { ...trust, quorum: 1 }).cosigned, [{ name: 'w1.example', time: NOW }])
      refuses(() => verifyCheckpoint(note, { ...trust, quorum: 2 }), 'BadSignature', { field: 'witnesses', limit: 2 })
    }
  })

  it('is verified by logs and witnesses that keep their kinds of keys', async () => {
    const plain = noteSigner('w1.example', bob)
    const note = await signCheckpoint(checkpoint, log, plain)
    refuses(() => verifyCheckpoint(note, { ...trust, witnesses: [plain.key] }), 'Malformed', { field: 'witnesses' })
    assert.deepEqual(verifyCheckpoint(note, trust).cosigned, [], 'a plain signature is no cosignature')
  })

  it('has no witness in a log of the same name', async () => {
    const namesake = cosigner(origin, bob, () => NOW)
    const note = await signCheckpoint(checkpoint, log)
    refuses(() => verifyCheckpoint(note, { ...trust, witnesses: [namesake.key], quorum: 1 }), 'BadSignature', { field: 'witnesses' })
    const cosigned = await signCheckpoint(checkpoint, namesake)
    refuses(() => verifyCheckpoint(cosigned, { ...trust, witnesses: [namesake.key] }), 'BadSignature', { field: 'keys' })
  })

  it('is Malformed where its text is no checkpoint', async () => {
    const note = await signNote({ text: 'hello\n' }, log)
    refuses(() => verifyCheckpoint(note, trust), 'Malformed', { field: 'text' })
  })
})

describe('A cosignature', () => {
  const witness = cosigner('w1.example', bob, () => NOW)

  it('covers its time and the checkpoint, under a line that keeps it apart', async () => {
    const [signature] = parseNote(await signCheckpoint(checkpoint, witness)).signatures
    const bytes = signature?.bytes as Uint8Array
    assert.equal(bytes.length, 72)
    assert.equal(cosignatureTime(bytes), NOW)
    assert.deepEqual(bytes.subarray(8), bob.sign(new TextEncoder().encode(`cosignature/v1\ntime ${NOW}\n${TEXT}`)))
  })

  it('is refused with another time, another checkpoint, or another length', async () => {
    const { text, signatures } = parseNote(await signCheckpoint({ ...checkpoint, extensions: ['one'] }, witness))
    const verdict = (over: { text?: string; bytes?: Uint8Array }) => async () => {
      const { name, id, bytes } = signatures[0] as (typeof signatures)[0]
      const note = await signNote(
        { text: over.text ?? text, signatures: [{ name, id, bytes: over.bytes ?? bytes }] },
        noteSigner('x', mallory),
      )
      return verifyNote(note, [witness.key]).text
    }
    const bytes = signatures[0]?.bytes as Uint8Array
    assert.equal(await verdict({})(), text)
    for (let at = 0; at < 72; at++) {
      await rejects(verdict({ bytes: bytes.with(at, (bytes[at] as number) ^ 1) })(), 'BadSignature', { field: 'w1.example' })
    }
    for (const length of [1, 8, 64, 71]) await rejects(verdict({ bytes: bytes.slice(0, length) })(), 'BadSignature')
    await rejects(verdict({ bytes: new Uint8Array([...bytes, 0]) })(), 'BadSignature')
    await rejects(verdict({ text: text.replace('18', '19') })(), 'BadSignature')
    await rejects(verdict({ text: text.replace('one', 'two') })(), 'BadSignature')
    await rejects(verdict({ text: 'hello\n' })(), 'BadSignature')
    const ofText = bob.sign(new TextEncoder().encode(`cosignature/v1\ntime ${NOW}\nhello\n`))
    await rejects(verdict({ text: 'hello\n', bytes: new Uint8Array([...bytes.subarray(0, 8), ...ofText]) })(), 'BadSignature')
  })

  it('is given to checkpoints only, at a time', async () => {
    await rejects(signNote({ text: 'hello\n' }, witness), 'Malformed', { field: 'text' })
    for (const time of [-1, 1.5, Number.NaN]) {
      await rejects(
        signCheckpoint(
          checkpoint,
          cosigner('w1.example', bob, () => time),
        ),
        'Malformed',
        { field: 'time' },
      )
    }
    refuses(() => cosignatureTime(new Uint8Array(71)), 'Malformed', { field: 'signature' })
    refuses(() => cosignatureTime(new Uint8Array(72).fill(255)), 'Malformed', { field: 'time' })
  })
})
