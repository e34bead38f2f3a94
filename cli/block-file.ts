import { type FileHandle, open } from 'node:fs/promises'
import { type Block, brief, Failure, verifyBlock } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'

const IDENTITY = 0x00

/** Blocks in one file of the disk, with only their places in memory. */
export class BlockFile implements AsyncDisposable {
  readonly #file: FileHandle
  readonly #places = new Map<string, { at: number; length: number }>()
  #end = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async create(path: string): Promise<BlockFile> {
    return new BlockFile(await open(path, 'wx+', 0o600))
  }

  async add({ cid, bytes }: Block): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#end + done)
      done += bytesWritten
    }
    this.#places.set(nameOf(cid), { at: this.#end, length: bytes.length })
    this.#end += bytes.length
  }

  async read(cid: CID): Promise<Uint8Array> {
    if (cid.multihash.code === IDENTITY) return cid.multihash.digest
    const place = this.#places.get(nameOf(cid))
    if (!place) throw new Failure('NotFound', `The block ${brief(cid)} is not there.`, { link: String(cid) })
    const bytes = new Uint8Array(place.length)
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#file.read(bytes, done, bytes.length - done, place.at + done)
      if (bytesRead === 0) throw new Failure('BadHash', `The block ${brief(cid)} was cut short on this disk.`, { link: String(cid) })
      done += bytesRead
    }
    // Disks lie, too.
    verifyBlock({ cid, bytes })
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

const nameOf = (cid: CID): string => String.fromCharCode(...cid.multihash.bytes)
