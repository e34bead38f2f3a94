import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DID, signerFromSeed } from '@symbiosis/protocol'
import {
  consistencyProof,
  cosignatureTime,
  cosigner,
  decodeVerifierKey,
  encodeEntries,
  encodeTile,
  encodeVerifierKey,
  inclusionProof,
  newTiles,
  noteSigner,
  originOf,
  parseNote,
  parseTilePath,
  rootAt,
  signCheckpoint,
  type Tile,
  tilePath,
  verifyCheckpoint,
} from '@symbiosis/protocol/revocation'
import { toBase64 } from '../../vectors/json.ts'
import { Nodes } from './forest.ts'

const known = JSON.parse(readFileSync(join(import.meta.dirname, '../../vectors/revocation/known-answers.json'), 'utf8'))
const digestOf = (hashes: readonly Uint8Array[]): string => {
  const sha256 = createHash('sha256')
  for (const hash of hashes) sha256.update(hash)
  return sha256.digest('base64')
}
const counting = (first: number) => Uint8Array.from({ length: 32 }, (_, at) => first + at)

describe('What other implementations answer', () => {
  const nodes = new Nodes(600)
  const { tree, tiles, notes } = known

  it('about roots is what ours does', async () => {
    for (const [size, root] of Object.entries(tree.roots)) assert.equal(toBase64(await rootAt(Number(size), nodes.hashAt)), root)
    const roots: Uint8Array[] = []
    for (let size = 1; size <= 600; size++) roots.push(await rootAt(size, nodes.hashAt))
    assert.equal(digestOf(roots), tree.digestOfRoots.digest)
    assert.equal(toBase64(nodes.range.root()), tree.roots[600])
  })

  it('about proofs is what ours does', async () => {
    const { index, size, proof } = tree.inclusion
    assert.deepEqual((await inclusionProof(index, size, nodes.hashAt)).map(toBase64), proof)
    const { from, to, proof: earlier } = tree.consistency
    assert.deepEqual((await consistencyProof(from, to, nodes.hashAt)).map(toBase64), earlier)
    const [inclusions, consistencies]: Uint8Array[][] = [[], []]
    for (let later = 1; later <= 70; later++) {
      for (let at = 0; at < later; at++) {
        inclusions?.push(...(await inclusionProof(at, later, nodes.hashAt)))
        consistencies?.push(...(await consistencyProof(at + 1, later, nodes.hashAt)))
      }
    }
    assert.equal(digestOf(inclusions as Uint8Array[]), tree.digestOfInclusionProofs.digest)
    assert.equal(digestOf(consistencies as Uint8Array[]), tree.digestOfConsistencyProofs.digest)
  })

  it('about tiles is what ours does', () => {
    const hashes = ({ level, index, width }: Tile) =>
      (nodes.levels[8 * (level as number)] as Uint8Array[]).slice(256 * index, 256 * index + width)
    const made = newTiles(0, 600).filter(({ level }) => level !== 'entries')
    const digests = Object.fromEntries(made.map((tile) => [tilePath(tile), digestOf([encodeTile(hashes(tile))])]))
    assert.deepEqual(digests, tiles.digests.digests)
    const { from, size, paths } = tiles.grown
    assert.deepEqual(
      newTiles(from, size)
        .filter(({ level }) => level !== 'entries')
        .map(tilePath),
      paths,
    )
    for (const path of tiles.paths) assert.equal(tilePath(parseTilePath(path)), path)
    assert.equal(digestOf([encodeEntries([new TextEncoder().encode('entry 0'), new Uint8Array(300).fill(0x78)])]), tiles.bundle.digest)
  })

  it('about checkpoints and cosignatures is what ours does, byte for byte', async () => {
    const [log, other] = [signerFromSeed(counting(0)), signerFromSeed(counting(100))]
    const [, second, third] = parseNote(notes.checkpoint).signatures
    const timeOf = (signature: typeof second) => () => cosignatureTime(signature?.bytes as Uint8Array)
    const origin = (notes.checkpoint as string).split('\n')[0] as string
    const signers = [
      noteSigner(origin, log),
      cosigner('witness.example/w1', other, timeOf(second)),
      cosigner('witness.example/w2', log, timeOf(third)),
    ] as const
    const keys = signers.map(({ key }) => encodeVerifierKey(key))
    assert.deepEqual(keys, [notes.logKey, ...notes.witnessKeys])
    assert.equal(await signCheckpoint({ origin, size: 600, root: nodes.range.root() }, ...signers), notes.checkpoint)
    const trust = { origin, keys: [signers[0].key], witnesses: [signers[1].key, signers[2].key], quorum: 2 }
    const { size, root, cosigned } = verifyCheckpoint(notes.checkpoint, trust)
    assert.deepEqual([size, toBase64(root), cosigned.length], [600, tree.roots[600], 2])
    assert.equal(origin, originOf(origin.slice(0, -'/revocations'.length) as DID))
  })

  it('about a log without entries, and lines after its root, is what ours does', () => {
    const { size, extensions } = verifyCheckpoint(notes.empty, { origin: 'example.com/log', keys: [decodeVerifierKey(notes.logKey)] })
    assert.deepEqual([size, extensions], [0, ['one more', 'and more']])
  })
})
