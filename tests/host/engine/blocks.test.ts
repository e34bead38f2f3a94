import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename, join } from 'node:path'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { BlockFolder, blockKey } from '../../../host/engine/blocks.ts'
import { all, type Block, blockOf, failure, file, folders, identityCid, leaf, RAW } from './fixtures.ts'

const pathOf = (dir: string, { cid }: Block): string => join(dir, blockKey(cid).slice(-2), blockKey(cid))
const filesIn = async (dir: string): Promise<string[]> => {
  const entries = await fs.readdir(dir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

/** Runs with `open` of node:fs/promises replaced for everybody. */
const withOpen = async (open: typeof fs.open, action: () => Promise<void>): Promise<void> => {
  const real = fs.open
  fs.open = open
  syncBuiltinESMExports()
  try {
    await action()
  } finally {
    fs.open = real
    syncBuiltinESMExports()
  }
}

describe('block folder', () => {
  const folder = folders()

  it('gives back what was put, after a restart too, and counts it', async () => {
    const dir = await folder()
    const blocks = [leaf(), leaf(100_000), leaf(0), blockOf(RAW, Buffer.from('long'), 'sha512')]
    const first = await BlockFolder.open(dir)
    await first.putAll(blocks)
    const again = await BlockFolder.open(dir)
    for (const store of [first, again]) {
      for (const { cid, bytes } of blocks) {
        assert.equal(await store.has(cid), true)
        assert.equal(await store.size(cid), bytes.length)
        assert.deepEqual(Buffer.concat(await all(store.get(cid))), Buffer.from(bytes))
      }
      assert.deepEqual(store.totals, { blocks: 4, bytes: 100_036 })
    }
    assert.equal((await all(again.getAll())).length, 4)
  })

  it('keeps one file for all CIDs of a hash', async () => {
    const store = await BlockFolder.open(await folder())
    const { root } = file(2, 10)
    const old = CID.createV0(root.cid.multihash as Digest.Digest<0x12, number>)
    await store.put(root.cid, root.bytes)
    await store.put(old, root.bytes)
    assert.equal(store.totals.blocks, 1)
    assert.equal(await store.has(CID.createV1(RAW, root.cid.multihash)), true)
  })

  it('answers for an absent block as the interface says', async () => {
    const store = await BlockFolder.open(await folder())
    const { cid } = leaf()
    assert.equal(await store.has(cid), false)
    assert.equal(await store.read(cid), undefined)
    await assert.rejects(all(store.get(cid)), { name: 'NotFoundError' })
  })

  it('syncs the bytes, then renames, then syncs the folder, then answers', async () => {
    const dir = await folder()
    const store = await BlockFolder.open(dir)
    const log: string[] = []
    const { open, rename } = fs
    const block = leaf()
    fs.rename = async (from, to) => {
      await rename(from, to)
      log.push(`rename to ${basename(String(to)).slice(-2)}`)
    }
    const watched: typeof fs.open = async (path, ...rest) => {
      const handle = await open(path, ...rest)
      const { writeFile, datasync, sync } = handle
      const noting =
        <A extends unknown[], R>(word: string, act: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> => {
          const result = await act.apply(handle, args)
          log.push(word)
          return result
        }
      handle.writeFile = noting('write', writeFile as (...args: unknown[]) => Promise<void>)
      handle.datasync = noting('datasync', datasync)
      handle.sync = noting(`sync ${basename(String(path))}`, sync)
      return handle
    }
    try {
      await withOpen(watched, async () => {
        await store.put(block.cid, block.bytes)
        log.push('put')
        await store.put(block.cid, block.bytes)
        log.push('put again')
      })
    } finally {
      fs.rename = rename
      syncBuiltinESMExports()
    }
    const shard = blockKey(block.cid).slice(-2)
    assert.deepEqual(log, ['write', 'datasync', `rename to ${shard}`, `sync ${shard}`, 'put', 'put again'])
  })

  it('writes a block once, however many put it at a time', async () => {
    const dir = await folder()
    const store = await BlockFolder.open(dir)
    const { cid, bytes } = leaf()
    await Promise.all(Array.from({ length: 50 }, () => store.put(cid, bytes)))
    assert.deepEqual(store.totals, { blocks: 1, bytes: 32 })
    assert.deepEqual(await filesIn(dir), [blockKey(cid)])
  })

  it('removes half-written files when it opens', async () => {
    const dir = await folder()
    await BlockFolder.open(dir)
    await fs.writeFile(join(dir, 'temp', 'half'), 'ha')
    const store = await BlockFolder.open(dir)
    assert.deepEqual(await filesIn(dir), [])
    assert.deepEqual(store.totals, { blocks: 0, bytes: 0 })
  })

  it('finds a flipped bit, counts the block as absent, and lets a put repair it', async () => {
    const dir = await folder()
    const store = await BlockFolder.open(dir)
    const block = leaf(1000)
    await store.put(block.cid, block.bytes)
    const flipped = Buffer.from(block.bytes)
    flipped.writeUInt8(flipped.readUInt8(500) ^ 1, 500)
    await fs.writeFile(pathOf(dir, block), flipped)
    await assert.rejects(store.read(block.cid), failure('BadHash', { link: block.cid.toString() }))
    await assert.rejects(all(store.get(block.cid)), { name: 'NotFoundError' })
    assert.equal(await store.has(block.cid), false)
    await store.put(block.cid, block.bytes)
    assert.deepEqual(await store.read(block.cid), Buffer.from(block.bytes))
    assert.deepEqual(store.totals, { blocks: 1, bytes: 1000 })
  })

  it('finds a cut file', async () => {
    const dir = await folder()
    const store = await BlockFolder.open(dir)
    const block = leaf(1000)
    await store.put(block.cid, block.bytes)
    await fs.truncate(pathOf(dir, block), 999)
    await assert.rejects(store.read(block.cid), failure('BadHash'))
  })

  it('refuses bytes that do not match, that are too many, and hashes that it cannot check', async () => {
    const dir = await folder()
    const store = await BlockFolder.open(dir, { maxBlockBytes: 100 })
    const { cid, bytes } = leaf()
    await assert.rejects(store.put(cid, leaf().bytes), failure('BadHash', { link: cid.toString() }))
    const large = leaf(101)
    await assert.rejects(store.put(large.cid, large.bytes), failure('TooLarge', { field: 'maxBlockBytes', limit: 100 }))
    const endless = (function* () {
      for (;;) yield new Uint8Array(10)
    })()
    await assert.rejects(store.put(large.cid, endless), failure('TooLarge'))
    const blake = CID.createV1(RAW, Digest.create(0xb220, new Uint8Array(32)))
    await assert.rejects(store.put(blake, bytes), failure('Unsupported'))
    await assert.rejects(store.read(blake), failure('Unsupported'))
    const short = CID.createV1(RAW, Digest.create(0x12, cid.multihash.digest.slice(0, 4)))
    await assert.rejects(store.put(short, bytes), failure('Unsupported'))
    assert.deepEqual(await filesIn(dir), [])
  })

  it('reads identity blocks from their CIDs and stores none', async () => {
    const dir = await folder()
    const store = await BlockFolder.open(dir)
    const bytes = Buffer.from('inline')
    const cid = identityCid(RAW, bytes)
    assert.equal(await store.has(cid), true)
    assert.deepEqual(Buffer.from((await all(store.get(cid)))[0] ?? []), bytes)
    await store.put(cid, bytes)
    await assert.rejects(store.put(cid, Buffer.from('other')), failure('BadHash'))
    await assert.rejects(store.read(identityCid(RAW, Buffer.alloc(129))), failure('Unsupported'))
    assert.deepEqual(await filesIn(dir), [])
  })

  for (const code of ['ENOSPC', 'EDQUOT']) {
    it(`says Unavailable on ${code}, and leaves nothing half-written`, async () => {
      const dir = await folder()
      const store = await BlockFolder.open(dir)
      const [good, bad] = [leaf(), leaf(1000)]
      await store.put(good.cid, good.bytes)
      const { open } = fs
      const failing: typeof fs.open = async (...args) => {
        const handle = await open(...args)
        handle.writeFile = async () => {
          await handle.write(Buffer.alloc(10))
          throw Object.assign(new Error(code), { code })
        }
        return handle
      }
      await withOpen(failing, () => assert.rejects(store.put(bad.cid, bad.bytes), failure('Unavailable')))
      assert.deepEqual(await filesIn(dir), [blockKey(good.cid)])
      assert.deepEqual(store.totals, { blocks: 1, bytes: 32 })
      await store.put(bad.cid, bad.bytes)
      assert.equal(await store.has(bad.cid), true)
    })
  }

  it('keeps a name that could not be synced from being trusted', async () => {
    const store = await BlockFolder.open(await folder())
    const { cid, bytes } = leaf()
    const { open } = fs
    const failing: typeof fs.open = async (path, ...rest) => {
      const handle = await open(path, ...rest)
      handle.sync = async () => {
        throw Object.assign(new Error('EIO'), { code: 'EIO' })
      }
      return handle
    }
    await withOpen(failing, () => assert.rejects(store.put(cid, bytes), { code: 'EIO' }))
    assert.equal(await store.has(cid), false)
    assert.deepEqual(store.totals, { blocks: 0, bytes: 0 })
  })

  it('survives a full disk: a real one, of 1 MiB', async function () {
    const dir = await folder()
    // Mounting needs root; the injected faults above run everywhere.
    if (process.getuid?.() !== 0) return this.skip()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
    try {
      const store = await BlockFolder.open(dir, { minFreeBytes: 0 })
      const stored: Block[] = []
      const fill = async (): Promise<void> => {
        for (;;) {
          const block = leaf(100_000)
          await store.put(block.cid, block.bytes)
          stored.push(block)
        }
      }
      await assert.rejects(fill(), failure('Unavailable'))
      assert.ok(stored.length >= 8, `${stored.length} blocks`)
      assert.deepEqual((await filesIn(dir)).sort(), stored.map(({ cid }) => blockKey(cid)).sort())
      for (const { cid, bytes } of stored) assert.deepEqual(await store.read(cid), Buffer.from(bytes))
      await store.delete((stored.pop() as Block).cid)
      const next = leaf(90_000)
      await store.put(next.cid, next.bytes)
    } finally {
      execFileSync('umount', [dir])
    }
  })

  it('refuses writes below minFreeBytes', async () => {
    const dir = await folder()
    const store = await BlockFolder.open(dir, { minFreeBytes: Number.MAX_SAFE_INTEGER })
    const { cid, bytes } = leaf()
    await assert.rejects(store.put(cid, bytes), failure('Unavailable'))
    assert.deepEqual(await filesIn(dir), [])
  })

  it('awaits admission before it writes', async () => {
    const dir = await folder()
    const store = await BlockFolder.open(dir)
    const { cid, bytes } = leaf()
    const full = new Error('over quota')
    const admit = async (size: number): Promise<void> => {
      assert.equal(size, 32)
      throw full
    }
    await assert.rejects(store.put(cid, bytes, { admit }), full)
    assert.deepEqual(await filesIn(dir), [])
  })
})
