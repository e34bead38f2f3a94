import assert from 'node:assert/strict'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagPb from '@ipld/dag-pb'
import { encode } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import type * as Digest from 'multiformats/hashes/digest'
import { BlockFolder } from '../../../host/engine/blocks.ts'
import { linksOf } from '../../../host/engine/links.ts'
import { walk } from '../../../host/engine/walk.ts'
import { all, type Block, blockOf, cborNode, failure, folders, identityCid, leaf, pbNode, RAW } from './fixtures.ts'

const texts = (cids: readonly CID[]): string[] => cids.map(String)

describe('links', () => {
  const [a, b, c] = [leaf(), leaf(), leaf()]

  it('reads dag-pb, dag-cbor and raw, in order', () => {
    const node = pbNode([a, b, a])
    assert.deepEqual(texts(linksOf(node.cid, node.bytes)), texts([a.cid, b.cid, a.cid]))
    const tree = cborNode({ a: [c.cid, { deeper: a.cid }], b: b.cid, text: 'no', bytes: a.bytes, none: null })
    assert.deepEqual(texts(linksOf(tree.cid, tree.bytes)), texts([c.cid, a.cid, b.cid]))
    const bare = cborNode(c.cid)
    assert.deepEqual(texts(linksOf(bare.cid, bare.bytes)), texts([c.cid]))
    assert.deepEqual(linksOf(a.cid, a.bytes), [])
  })

  it('takes no map for a link, not even one that looks like a CID of another library', () => {
    // Not by @ipld/dag-cbor: its writer takes such a map for a link as well.
    const fake = blockOf(dagCbor.code, encode({ '/': a.cid.bytes, bytes: a.cid.bytes, version: 1, code: RAW, real: b.cid }))
    assert.deepEqual(texts(linksOf(fake.cid, fake.bytes)), texts([b.cid]))
  })

  it('refuses codecs it does not read, and bytes that are not of the codec', () => {
    const git = blockOf(0x78, Buffer.from('tree'))
    assert.throws(() => linksOf(git.cid, git.bytes), failure('Unsupported', { link: git.cid.toString() }))
    for (const codec of [dagPb.code, dagCbor.code]) {
      const wrong = blockOf(codec, Buffer.from([0xff, 0xfe]))
      assert.throws(() => linksOf(wrong.cid, wrong.bytes), failure('Malformed', { link: wrong.cid.toString() }))
    }
  })

  it('refuses nesting that would overflow the stack', () => {
    const deep = blockOf(dagCbor.code, Buffer.concat([Buffer.alloc(2_000_000, 0x81), Buffer.from([0x80])]))
    assert.throws(() => linksOf(deep.cid, deep.bytes), failure('Malformed'))
  })
})

describe('walk', () => {
  const folder = folders()
  const stored = async (blocks: readonly Block[]): Promise<BlockFolder> => {
    const store = await BlockFolder.open(await folder())
    await store.putAll(blocks)
    return store
  }
  const visit = async (store: BlockFolder, root: CID, maxBlocks = 1000): Promise<string[]> =>
    texts((await all(walk(store, root, { maxBlocks }))).map(({ cid }) => cid))

  it('goes depth first, in the order of the links, to each block once', async () => {
    const [x, y, z] = [leaf(), leaf(), leaf()]
    const left = pbNode([x, y])
    const right = pbNode([y, z, left])
    const root = pbNode([left, right, z])
    const store = await stored([x, y, z, left, right, root])
    assert.deepEqual(await visit(store, root.cid), texts([root, left, x, y, right, z].map(({ cid }) => cid)))
  })

  it('takes both versions of a CID for one', async () => {
    const inner = pbNode([leaf(0)])
    const v0 = CID.createV0(inner.cid.multihash as Digest.Digest<0x12, number>)
    const root = cborNode([v0, inner.cid])
    const store = await stored([inner, root, leaf(0)])
    assert.deepEqual(await visit(store, root.cid), texts([root.cid, v0, leaf(0).cid]))
  })

  it('follows links of bytes that were seen as raw before', async () => {
    const hidden = leaf()
    const node = pbNode([hidden])
    const asRaw = CID.createV1(RAW, node.cid.multihash)
    const root = cborNode([asRaw, node.cid])
    const store = await stored([hidden, node, root])
    assert.deepEqual(await visit(store, root.cid), texts([root.cid, asRaw, node.cid, hidden.cid]))
  })

  it('walks through identity CIDs and does not yield them', async () => {
    const x = leaf()
    const root = identityCid(dagCbor.code, dagCbor.encode([x.cid, identityCid(RAW, Buffer.from('inline'))]))
    assert.deepEqual(await visit(await stored([x]), root), texts([x.cid]))
  })

  it('names the missing block', async () => {
    const [x, y] = [leaf(), leaf()]
    const root = pbNode([x, y])
    const store = await stored([root, x])
    await assert.rejects(visit(store, root.cid), failure('NotFound', { link: y.cid.toString() }))
  })

  it('stops at maxBlocks, also when a few blocks name very many', async () => {
    const leaves = Array.from({ length: 50 }, () => leaf(8))
    const root = pbNode(leaves)
    const store = await stored([root, ...leaves])
    await assert.rejects(visit(store, root.cid, 50), failure('TooLarge', { field: 'maxBlocks', limit: 50 }))
    assert.equal((await visit(store, root.cid, 51)).length, 51)
  })

  it('stops when told to', async () => {
    const [x, y] = [leaf(), leaf()]
    const root = pbNode([x, y])
    const store = await stored([root, x, y])
    const controller = new AbortController()
    const steps = walk(store, root.cid, { signal: controller.signal, maxBlocks: 10 })
    await steps.next()
    controller.abort()
    await assert.rejects(steps.next(), { name: 'AbortError' })
  })
})
