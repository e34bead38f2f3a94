import { randomUUID } from 'node:crypto'
import { statSync, unlinkSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type Block, brief, Failure } from '@symbiosis/protocol'
import type { Blockstore, InputPair, Pair } from 'interface-blockstore'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'
import { Lanes, Shared, syncDirectory, writeWhole } from './durable.ts'
import { assertSupported, IDENTITY, matches } from './hashes.ts'

/** A block's name in the folder: its multihash in hexadecimal, so that all CIDs of one hash share a file. */
export type BlockKey = string
export const blockKey = (cid: CID): BlockKey => Buffer.from(cid.multihash.bytes).toString('hex')

export interface BlockFolderOptions {
  /** Largest block, in bytes. Default: 2 MiB, what the peers of the network take, and 4 KiB for what a codec puts around it. */
  maxBlockBytes?: number
  /** Writes are refused when the file system has less than this free, in bytes; 0 turns the check off. Default 64 MiB. */
  minFreeBytes?: number
  /** Files written at a time. Default 16. */
  writers?: number
}

export interface PutOptions {
  /** A put ignores it: once begun, it ends. */
  signal?: AbortSignal
  /** Awaited with the bytes' count when they are known to be right and aren't written yet. May throw, to refuse the block. */
  admit?(size: number): void | Promise<void>
}

type Bytes = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Blocks in a folder, one file each, in 256 sub-folders by the last byte of the hash. One process owns it.
 *
 * A put that has resolved survives power loss. What is read matches its CID: bytes that changed on the disk give `BadHash`, and
 * from then on the block counts as absent, so that the next put repairs it. A full disk gives `Unavailable`.
 */
export class BlockFolder implements Blockstore<object, PutOptions, PutOptions> {
  readonly maxBlockBytes: number
  readonly #dir: string
  readonly #minFreeBytes: number
  readonly #lanes: Lanes
  readonly #syncs = new Map<string, Shared>()
  readonly #writing = new Map<BlockKey, Promise<void>>()
  readonly #damaged = new Set<BlockKey>()
  #touched: Set<BlockKey> | undefined
  #totals = { blocks: 0, bytes: 0 }
  #free = { at: Number.NEGATIVE_INFINITY, bytes: 0 }

  private constructor(dir: string, { maxBlockBytes = 2 ** 21 + 2 ** 12, minFreeBytes = 2 ** 26, writers = 16 }: BlockFolderOptions) {
    this.#dir = dir
    this.maxBlockBytes = maxBlockBytes
    this.#minFreeBytes = minFreeBytes
    this.#lanes = new Lanes(writers)
  }

  /** Opens the folder, making it where there is none, removes what an interrupted write left, and counts the blocks. */
  static async open(dir: string, options: BlockFolderOptions = {}): Promise<BlockFolder> {
    const folder = new BlockFolder(dir, options)
    await rm(folder.#temp, { recursive: true, force: true })
    await mkdir(folder.#temp, { recursive: true, mode: 0o700 })
    // Side by side, since each waits for the disk; but not all, whose names could be millions.
    await Promise.all(SHARDS.map((shard) => folder.#lanes.run(() => folder.#openShard(shard))))
    await syncDirectory(dir)
    return folder
  }

  async #openShard(shard: string): Promise<void> {
    const path = join(this.#dir, shard)
    await mkdir(path, { recursive: true, mode: 0o700 })
    for (const name of await readdir(path)) {
      const { size } = await stat(join(path, name))
      this.#totals.blocks++
      this.#totals.bytes += size
    }
    // The process may have died between a rename and its sync; a put trusts the names that it finds.
    await syncDirectory(path)
    this.#syncs.set(shard, new Shared(() => syncDirectory(path)))
  }

  /** What is here now. */
  get totals(): { blocks: number; bytes: number } {
    return { ...this.#totals }
  }

  async has(cid: CID): Promise<boolean> {
    return (await this.size(cid)) !== undefined
  }

  /** The block's size in bytes by its file alone, without reading it; undefined where it isn't here. */
  async size(cid: CID): Promise<number | undefined> {
    if (cid.multihash.code === IDENTITY) return cid.multihash.digest.length
    const key = this.#touch(cid)
    return this.#damaged.has(key) ? undefined : sizeOf(this.#path(key))
  }

  /** The block's bytes, checked; undefined where it isn't here. Throws `BadHash` where the disk changed them. */
  async read(cid: CID): Promise<Uint8Array | undefined> {
    assertSupported(cid)
    if (cid.multihash.code === IDENTITY) return cid.multihash.digest
    const key = this.#touch(cid)
    const bytes = await readFile(this.#path(key)).catch(absent)
    if (bytes === undefined || matches(cid, bytes)) return bytes
    this.#damaged.add(key)
    throw new Failure('BadHash', `The block ${brief(cid)} was changed on this host's disk: its bytes no longer match its hash.`, {
      link: cid.toString(),
      hint: 'Store or fetch the block again, and check the disk.',
    })
  }

  /**
   * The block as the interface gives it, for the network. A damaged one is absent here, with `BadHash` as the cause: bitswap skips what is
   * absent, while any other error would lose the peer's other wants.
   */
  async *get(cid: CID): AsyncGenerator<Uint8Array> {
    const absence = (cause?: unknown): Error =>
      Object.assign(new Error(`The block ${cid} is not here.`, { cause }), { name: 'NotFoundError' })
    const bytes = await this.read(cid).catch((reason: Failure) => {
      throw reason.name === 'BadHash' ? absence(reason) : reason
    })
    if (bytes === undefined) throw absence()
    yield bytes
  }

  async *getMany(source: Iterable<CID> | AsyncIterable<CID>): AsyncGenerator<Pair> {
    for await (const cid of source) yield { cid, bytes: this.get(cid) }
  }

  /** All blocks, under raw CIDs: the folder knows hashes and no codecs. */
  async *getAll(): AsyncGenerator<Pair> {
    for await (const keys of this.keys()) {
      for (const key of keys) {
        const cid = CID.createV1(raw.code, Digest.decode(Buffer.from(key, 'hex')))
        yield { cid, bytes: this.get(cid) }
      }
    }
  }

  /** Stores a block, checked. Resolves when it is durable; at once, and writing nothing, where it is here already. */
  async put(cid: CID, value: Bytes, options: PutOptions = {}): Promise<CID> {
    const bytes = value instanceof Uint8Array ? value : await this.#gather(cid, value)
    if (bytes.length > this.maxBlockBytes) throw this.#tooLarge(cid)
    if (!matches(cid, bytes)) {
      throw new Failure('BadHash', `The bytes given for the block ${brief(cid)} do not match its hash.`, { link: cid.toString() })
    }
    await options.admit?.(bytes.length)
    if (cid.multihash.code === IDENTITY) return cid
    const key = this.#touch(cid)
    let writing = this.#writing.get(key)
    if (writing === undefined) {
      writing = this.#write(key, bytes).finally(() => this.#writing.delete(key))
      this.#writing.set(key, writing)
    }
    await writing
    return cid
  }

  /** Stores many blocks, side by side, so that they share the directories' syncs. Rejects when all are done and one has failed. */
  async putAll(blocks: readonly Block[]): Promise<void> {
    const results = await Promise.allSettled(blocks.map(({ cid, bytes }) => this.put(cid, bytes)))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async *putMany(source: Iterable<InputPair> | AsyncIterable<InputPair>, options: PutOptions = {}): AsyncGenerator<CID> {
    for await (const { cid, bytes } of source) yield await this.put(cid, bytes, options)
  }

  async delete(cid: CID): Promise<void> {
    if (cid.multihash.code !== IDENTITY) this.removeNow(blockKey(cid))
  }

  async *deleteMany(source: Iterable<CID> | AsyncIterable<CID>): AsyncGenerator<CID> {
    for await (const cid of source) {
      await this.delete(cid)
      yield cid
    }
  }

  // What a collection needs.

  /** All keys, a sub-folder at a time. What is put or removed meanwhile may or may not be among them. */
  async *keys(): AsyncGenerator<BlockKey[]> {
    for (const shard of SHARDS) yield await readdir(join(this.#dir, shard))
  }

  /** From now on to `unwatch`, every key that is asked for, read or put. Puts under way are in from the start. */
  watch(): ReadonlySet<BlockKey> {
    this.#touched = new Set(this.#writing.keys())
    return this.#touched
  }

  unwatch(): void {
    this.#touched = undefined
  }

  /** Removes a block within this tick, so that nothing comes between the caller's check and the removal. Its bytes, or 0. */
  removeNow(key: BlockKey): number {
    const path = this.#path(key)
    const size = statSync(path, { throwIfNoEntry: false })?.size
    if (size === undefined) return 0
    unlinkSync(path)
    this.#damaged.delete(key)
    this.#totals.blocks--
    this.#totals.bytes -= size
    return size
  }

  async #write(key: BlockKey, bytes: Uint8Array): Promise<void> {
    const path = this.#path(key)
    let placed = false
    try {
      await this.#lanes.run(async () => {
        const old = await sizeOf(path)
        if (old !== undefined && !this.#damaged.has(key)) return
        await this.#reserve(bytes.length)
        await writeWhole(join(this.#temp, randomUUID()), path, bytes)
        placed = true
        this.#damaged.delete(key)
        this.#totals.blocks += old === undefined ? 1 : 0
        this.#totals.bytes += bytes.length - (old ?? 0)
      })
      if (placed) await this.#syncs.get(shardOf(key))?.run()
    } catch (reason) {
      // A name that may not last must not make the next put believe that the block is safe.
      if (placed) this.removeNow(key)
      const { code } = reason as NodeJS.ErrnoException
      if (code === 'ENOSPC' || code === 'EDQUOT') throw this.#full(reason)
      throw reason
    }
  }

  /** Asks the file system at most once a second, and counts off what was written since. */
  async #reserve(bytes: number): Promise<void> {
    if (this.#minFreeBytes === 0) return
    if (performance.now() - this.#free.at > 1000) {
      const { bavail, bsize } = await statfs(this.#dir)
      this.#free = { at: performance.now(), bytes: bavail * bsize }
    }
    if (this.#free.bytes - bytes < this.#minFreeBytes) throw this.#full()
    this.#free.bytes -= bytes
  }

  async #gather(cid: CID, parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const list: Uint8Array[] = []
    let size = 0
    for await (const part of parts) {
      size += part.length
      if (size > this.maxBlockBytes) throw this.#tooLarge(cid)
      list.push(part)
    }
    return Buffer.concat(list)
  }

  #touch(cid: CID): BlockKey {
    const key = blockKey(cid)
    this.#touched?.add(key)
    return key
  }

  #path(key: BlockKey): string {
    return join(this.#dir, shardOf(key), key)
  }

  get #temp(): string {
    return join(this.#dir, 'temp')
  }

  #tooLarge(cid: CID): Failure {
    return new Failure('TooLarge', `The block ${brief(cid)} is larger than the ${this.maxBlockBytes} bytes this host takes.`, {
      field: 'maxBlockBytes',
      limit: this.maxBlockBytes,
      hint: 'Split the content into smaller blocks.',
    })
  }

  #full(cause?: unknown): Failure {
    return new Failure(
      'Unavailable',
      'The disk of this host is full; the block was not kept.',
      { hint: 'Free some space on the host, or lower minFreeBytes, then try again.' },
      { cause },
    )
  }
}

const SHARDS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const shardOf = (key: BlockKey): string => key.slice(-2)

const absent = (reason: NodeJS.ErrnoException): undefined => {
  if (reason.code !== 'ENOENT') throw reason
}
const sizeOf = (path: string): Promise<number | undefined> => stat(path).then(({ size }) => size, absent)
