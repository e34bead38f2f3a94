import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { homeLogsFact, homeLogsOf, issueUcan, signerFromSeed } from '@symbiosis/protocol'
import {
  buildFilter,
  CompactRange,
  consistencyProof,
  cosigner,
  decodeEntries,
  decodeEntry,
  decodeShard,
  decodeTile,
  encodeEntries,
  encodeFilterHead,
  encodeTile,
  encodeVerifierKey,
  type FilterEntry,
  type HashReader,
  inclusionProof,
  isFilterOf,
  leafHash,
  newTiles,
  noteSigner,
  originOf,
  parseTilePath,
  type RevocationEntry,
  signCheckpoint,
  tilePath,
  tileReader,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
} from '@symbiosis/protocol/revocation'
import { toBase64, toDagJson } from '../../vectors/json.ts'
import { plainKey } from '../../vectors/revocation/plain-filter.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/spec/revocation.md'), 'utf8')
/** Fenced blocks by the name that a comment right above gives them. */
const blocks = new Map(
  [...page.matchAll(/^<!-- check: (\S+) -->\n```\w*\n([\s\S]*?)^```$/gm)].map(
    ([, name, text]) => [name as string, text as string] as const,
  ),
)
const json = (name: string) => JSON.parse(blocks.get(name) ?? '')
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))

/** What each example has to be. */
const CHECKS: Record<string, () => void | Promise<void>> = {
  entries() {
    for (const { entry, bytes: encoded, leaf } of json('entries')) {
      assert.deepEqual(toDagJson(decodeEntry(bytes(encoded))), entry)
      assert.equal(toBase64(leafHash(bytes(encoded))), leaf)
    }
  },

  async tree() {
    const { roots, inclusion, consistency } = json('tree')
    const range = new CompactRange()
    const made = log.map((entry) => {
      range.append(leafHash(entry))
      return toBase64(range.root())
    })
    assert.deepEqual(roots, made)
    const { index, size } = inclusion
    assert.deepEqual(inclusion.proof, (await inclusionProof(index, size, hashAt)).map(toBase64))
    assert.ok(
      verifyInclusion({ index, size, leaf: leafHash(log[index] as Uint8Array), proof: inclusion.proof.map(bytes), root: range.root() }),
    )
    const { from, to } = consistency
    assert.deepEqual(consistency.proof, (await consistencyProof(from, to, hashAt)).map(toBase64))
    const [fromRoot, toRoot] = [from, to].map((at) => bytes(roots[at - 1] as string)) as [Uint8Array, Uint8Array]
    assert.ok(verifyConsistency({ from, to, proof: consistency.proof.map(bytes), fromRoot, toRoot }))
  },

  async checkpoint() {
    const root = bytes(json('tree').roots.at(-1))
    const note = blocks.get('checkpoint')
    assert.equal(note, await signCheckpoint({ origin, size: log.length, root }, logSigner, witness))
    assert.deepEqual(verifyCheckpoint(note as string, { origin, keys: [logSigner.key], witnesses: [witness.key], quorum: 1 }).root, root)
  },

  keys() {
    assert.deepEqual(
      blocks.get('keys')?.trimEnd().split('\n'),
      [logSigner, witness].map(({ key }) => encodeVerifierKey(key)),
    )
  },

  tiles() {
    const { paths, tile, bundle } = json('tiles')
    for (const [path, place] of Object.entries(paths)) assert.deepEqual(parseTilePath(path), place)
    assert.deepEqual([tile.path, bundle.path], newTiles(0, log.length).map(tilePath))
    assert.equal(tile.bytes, toBase64(encodeTile(log.map(leafHash))))
    assert.deepEqual(decodeTile(bytes(tile.bytes), log.length), log.map(leafHash))
    assert.equal(bundle.bytes, toBase64(encodeEntries(log)))
    assert.deepEqual(decodeEntries(bytes(bundle.bytes), log.length), log)
  },

  filter() {
    const entries = log.map(decodeEntry)
    const [, revoked, claim] = entries as [unknown, RevocationEntry, FilterEntry]
    const root = bytes(json('tree').roots[claim.size - 1])
    const made = buildFilter(entries.slice(0, claim.size), { ...claim, log: root })
    assert.deepEqual([made.bits, made.root], [claim.bits, claim.root])
    const values = decodeShard(made.shards[0] as Uint8Array)
    const key = { ...plainKey(root, revoked.ucan.multihash.digest, 32), value: values[0] }
    assert.deepEqual(json('filter'), {
      keys: [{ place: key.shard, tag: key.tag, value: key.value }],
      shards: made.shards.map(toBase64),
      head: toBase64(encodeFilterHead(made.head)),
      root: String(claim.root),
    })
    assert.ok(isFilterOf(claim, root, entries.slice(0, claim.size)))
  },

  async fact() {
    const fact = json('fact')
    const named = await issueUcan(host, {
      audience: host.did,
      capabilities: [{ can: '*', with: host.did }],
      expiration: null,
      facts: [fact],
    })
    const logs = [{ did: host.did, url: 'https://host.example/' }]
    assert.deepEqual([homeLogsOf(named), homeLogsFact(logs)], [logs, fact])
  },
}

/** The log that the page is about. */
const log: Uint8Array[] = blocks.has('entries') ? json('entries').map(({ bytes: encoded }: { bytes: string }) => bytes(encoded)) : []
const hashAt: HashReader = tileReader(log.length, () => encodeTile(log.map(leafHash)))
const [host, witnessKey] = [7, 8].map((byte) => signerFromSeed(new Uint8Array(32).fill(byte))) as [
  ReturnType<typeof signerFromSeed>,
  ReturnType<typeof signerFromSeed>,
]
const origin = originOf(host.did)
const logSigner = noteSigner(origin, host)
const witness = cosigner('witness.example/w1', witnessKey, () => 1_800_000_000)

describe('The specification of the log', () => {
  for (const [name, check] of Object.entries(CHECKS)) it(`has its ${name} right`, check)

  it('has no example that is not checked', () => {
    assert.deepEqual([...blocks.keys()].sort(), Object.keys(CHECKS).sort())
    assert.equal(page.match(/^```\w+$/gm)?.length ?? 0, blocks.size, 'blocks that have a language are examples')
  })

  it('names tests that are there', () => {
    const links = [...page.matchAll(/\]\((\.\.[^)]+)\)/g)].map(([, link]) => link as string)
    assert.ok(links.length > 10)
    for (const link of links) assert.ok(existsSync(join(import.meta.dirname, '../../../docs/spec', link)), link)
  })
})
