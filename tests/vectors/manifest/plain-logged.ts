import { createHash } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'
import { fromBase64 } from '../json.ts'
import { Refusal } from '../refusal.ts'
import { readCheckpoint, readEntry, readNote } from '../revocation/plain-formats.ts'
import { checkCid, isLink, readCar, readCbor, readUcan } from '../strict.ts'
import type { LoggedFile, LoggedJson } from './format.ts'

type Told = Pick<LoggedFile, 'host' | 'seq' | 'root' | 'key'>

/** What a vector expects, by stock libraries and plain words: nothing of the protocol's code is used. */
export const readLogged = async ({ host, seq, root, key }: Told, log: LoggedJson | null): Promise<{ size: number }> => {
  if (!log) throw new Refusal('Unsupported')
  if ((await keyNamedBy(host, fromBase64(log.key))) !== key.slice(key.lastIndexOf('+') + 1)) throw new Refusal('BadSignature')
  const note = readNote(new TextEncoder().encode(log.checkpoint), [key])
  const checkpoint = readCheckpoint(note.text as string)
  if (checkpoint.origin !== `${host}/revocations`) throw new Refusal('BadSignature')
  const found = rootOver(log.index, checkpoint.size, hash(0, fromBase64(log.entry)), log.proof.map(fromBase64))
  if (found.toString('base64') !== checkpoint.root) throw new Refusal('BadSignature')
  const entry = readEntry(fromBase64(log.entry)) as { kind: string; seq?: number; root?: unknown }
  if (entry.kind !== 'manifest' || entry.seq !== seq || String(entry.root) !== root) throw new Refusal('BadSignature')
  return { size: checkpoint.size }
}

/** The key that a host has lent `log/sign` to, as verifier keys write it: 1, for Ed25519, and its 32 bytes. */
const keyNamedBy = async (host: string, archive: Uint8Array): Promise<string> => {
  const { roots, blocks } = await readCar(archive, { maxBlocks: 10, maxBlockBytes: 65_536 })
  for (const block of blocks) await checkCid(block)
  const bytesOf = (link: unknown) => blocks.find(({ cid }) => String(cid) === String(link))?.bytes ?? new Uint8Array()
  const { 'ucan@0.9.1': link } = readCbor(bytesOf(roots[0])) as { 'ucan@0.9.1'?: unknown }
  if (!isLink(link)) throw new Refusal('Malformed')
  const { issuer, audience, capabilities, signed } = readUcan(bytesOf(link))
  const [capability, ...more] = capabilities
  const names = capability?.can === 'log/sign' && capability.with === host && more.length === 0
  if (issuer !== host || !names || !signed) throw new Refusal('BadSignature')
  const [, , ...raw] = base58btc.decode(audience.slice('did:key:'.length))
  return Buffer.from([1, ...raw]).toString('base64')
}

const hash = (kind: number, ...parts: Uint8Array[]): Buffer =>
  createHash('sha256')
    .update(Buffer.concat([[kind], ...parts].map((part) => Buffer.from(part))))
    .digest()

/** RFC 9162, section 2.1.3.2, step by step. */
const rootOver = (index: number, size: number, leaf: Buffer, proof: readonly Uint8Array[]): Buffer => {
  if (index >= size) throw new Refusal('Malformed')
  let [node, last, root] = [index, size - 1, leaf]
  for (const sibling of proof) {
    if (last === 0) throw new Refusal('Malformed')
    if (node % 2 === 1 || node === last) {
      root = hash(1, sibling, root)
      while (node % 2 === 0 && node !== 0) [node, last] = [node >> 1, last >> 1]
    } else root = hash(1, root, sibling)
    ;[node, last] = [node >> 1, last >> 1]
  }
  if (last !== 0) throw new Refusal('Malformed')
  return root
}
