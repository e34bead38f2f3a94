import { base64, fromBase64 } from '../base64.ts'
import { verify } from '../ed25519.ts'
import { Failure } from '../failure.ts'
import { bytesFromDid, type Signer } from '../principal.ts'
import { isCosigned } from './cosignature.ts'
import { COSIGNATURE, decodeVerifierKey, hasControls, isKeyName, type VerifierKey, verifierKey } from './key.ts'

/**
 * Signed notes: a text, a blank line, and a line for each signature: an em dash, the key's name, base 64 of its ID and the signature. Byte for
 * byte as https://c2sp.org/signed-note has it; where that is silent, as golang.org/x/mod/sumdb/note reads them. Stricter than either: base 64 has one form.
 */
export interface Note {
  /** With its last newline: what is signed. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A signature line of a note, not verified. */
export interface NoteSignature {
  /** Of the key. */
  readonly name: string
  /** Of the key, 32 bits. */
  readonly id: number
  /** Without the ID. 64 bytes for Ed25519, 72 for a cosignature: others' keys may have any. */
  readonly bytes: Uint8Array
}

/** How much of a note is read. C2SP asks for 16 signatures at least, of up to 5 kB each. */
export interface NoteBounds {
  readonly noteBytes: number
  readonly signatures: number
}

/** The bounds of a note, unless told. */
export const NOTE_BOUNDS: NoteBounds = { noteBytes: 256 * 1024, signatures: 100 }

const DASH = '— '
const ID_BYTES = 4

/**
 * Reads a note, and verifies nothing: trust no text before `verifyNote` said whose it is. A signature line that stands there twice counts once.
 * @throws Failure Malformed where it isn't UTF-8, has control characters, or isn't in the form of a note; TooLarge over a bound
 */
export const parseNote = (note: Uint8Array | string, bounds: Partial<NoteBounds> = {}): Note => {
  const { noteBytes, signatures: most } = { ...NOTE_BOUNDS, ...bounds }
  const all = textOf(note, noteBytes)
  const blank = all.lastIndexOf('\n\n')
  const lines = all.slice(blank + 2).split('\n')
  if (blank < 0 || lines.pop() !== '' || lines.length === 0) throw malformed('has no signatures behind a blank line')
  if (lines.length > most) throw tooLarge('signatures', most)
  return { text: all.slice(0, blank + 1), signatures: [...new Set(lines)].map(readLine) }
}

const textOf = (note: Uint8Array | string, most: number): string => {
  // As many bytes as units at least, so nothing large is encoded only to be counted.
  if (note.length > most) throw tooLarge('noteBytes', most)
  let text: string
  if (typeof note === 'string') {
    if (!note.isWellFormed()) throw malformed('has half of a surrogate pair')
    if (new TextEncoder().encode(note).length > most) throw tooLarge('noteBytes', most)
    text = note
  } else {
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(note)
    } catch {
      throw malformed('is not UTF-8')
    }
  }
  if (hasControls(text)) throw malformed('has a control character')
  return text
}

const readLine = (line: string): NoteSignature => {
  const space = line.indexOf(' ', DASH.length)
  const name = line.slice(DASH.length, space)
  const bytes = fromBase64(line.slice(space + 1))
  if (!line.startsWith(DASH) || space < 0 || !isKeyName(name) || !bytes || bytes.length <= ID_BYTES) {
    throw malformed('has a line among its signatures that is none')
  }
  return { name, id: new DataView(bytes.buffer).getUint32(0), bytes: bytes.slice(ID_BYTES) }
}

/** The text of a note. */
export const formatNote = ({ text, signatures }: Note): string => {
  if (!text.endsWith('\n') || !text.isWellFormed() || hasControls(text)) throw malformed('has a text that can not be signed')
  if (signatures.length === 0) throw malformed('has no signatures')
  return `${text}\n${signatures.map(formatLine).join('')}`
}

const formatLine = ({ name, id, bytes }: NoteSignature): string => {
  if (!isKeyName(name) || bytes.length === 0) throw malformed('has a signature that can not be written')
  const all = new Uint8Array(ID_BYTES + bytes.length)
  new DataView(all.buffer).setUint32(0, id)
  all.set(bytes, ID_BYTES)
  return `${DASH}${name} ${base64(all)}\n`
}

/** A note of which some signatures were verified, one at least. */
export interface VerifiedNote extends Note {
  /** Those by known keys, in their order, one for each key: whoever wants a quorum may count them. */
  readonly signatures: readonly NoteSignature[]
  /** Those by keys that aren't known here: they say nothing. */
  readonly unknown: readonly NoteSignature[]
}

/**
 * Reads a note and verifies the signatures of known keys, given as they are or as their text. Signatures of others are left alone, also where they share a
 * name or ID with a known key.
 * @throws Failure Malformed, TooLarge as `parseNote`, and Malformed for two known keys of one name and ID; BadSignature where no known key has
 * signed, or one that has didn't sign this text
 */
export const verifyNote = (
  note: Uint8Array | string,
  keys: readonly (VerifierKey | string)[],
  bounds: Partial<NoteBounds> = {},
): VerifiedNote => {
  const { text, signatures } = parseNote(note, bounds)
  const known = keys.map((key) => (typeof key === 'string' ? decodeVerifierKey(key) : key))
  const verified = new Map<VerifierKey, NoteSignature>()
  const unknown: NoteSignature[] = []
  for (const signature of signatures) {
    const { name, id } = signature
    const [key, another] = known.filter((candidate) => candidate.name === name && candidate.id === id)
    if (another) throw new Failure('Malformed', `Two known keys are called ${name} and have one ID.`, { field: 'keys' })
    if (!key) {
      unknown.push(signature)
      continue
    }
    // One that fails beside one that holds is a note that somebody tampered with, or a key in two hands.
    if (!isNoteSignature(key, text, signature.bytes)) {
      throw new Failure('BadSignature', `The signature of ${name} does not cover its note.`, { field: name })
    }
    if (!verified.has(key)) verified.set(key, signature)
  }
  if (verified.size === 0) throw new Failure('BadSignature', 'A note is signed by no known key.', { field: 'keys' })
  return { text, signatures: [...verified.values()], unknown }
}

const isNoteSignature = (key: VerifierKey, text: string, signature: Uint8Array): boolean =>
  key.type === COSIGNATURE ? isCosigned(key, text, signature) : verify(key.publicKey, new TextEncoder().encode(text), signature)

/** Signs texts under a key's name. */
export interface NoteSigner {
  readonly key: VerifierKey
  /** The signature of a text, without the key's ID. */
  sign(text: string): Uint8Array | Promise<Uint8Array>
}

/** Signs notes as `name`. */
export const noteSigner = (name: string, signer: Signer): NoteSigner => ({
  key: verifierKey(name, bytesFromDid(signer.did).subarray(2)),
  sign: (text) => signer.sign(new TextEncoder().encode(text)),
})

/**
 * The text of a note with new signatures behind those that it has; an older one of the same key gives way.
 * @throws Failure Malformed where the text doesn't end with a newline, or has control characters
 */
export const signNote = async (
  { text, signatures = [] }: Pick<Note, 'text'> & Partial<Note>,
  ...signers: NoteSigner[]
): Promise<string> => {
  const made: NoteSignature[] = []
  for (const { key, sign } of signers) made.push({ name: key.name, id: key.id, bytes: await sign(text) })
  const others = signatures.filter((old) => !made.some(({ name, id }) => old.name === name && old.id === id))
  return formatNote({ text, signatures: [...others, ...made] })
}

const malformed = (what: string): Failure => new Failure('Malformed', `A note ${what}.`, { field: 'note' })

const tooLarge = (field: keyof NoteBounds, limit: number): Failure =>
  new Failure('TooLarge', `A note is over the bound of ${limit} ${field}.`, { field, limit })
