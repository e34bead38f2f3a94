import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import sharp from 'sharp'

/** Image files in one folder. A caller's name is never a path. */
export class Images {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Width and height, or undefined for what is no image. */
  async measure(bytes: Uint8Array): Promise<{ width: number; height: number } | undefined> {
    try {
      const { width, height } = await sharp(bytes).metadata()
      return { width, height }
    } catch {
      return undefined
    }
  }

  /** Whole or not at all, also where the power fails: first written beside, then renamed. */
  async keep(key: string, bytes: Uint8Array): Promise<void> {
    await writeFile(`${this.#path(key)}.new`, bytes, { flush: true })
    await rename(`${this.#path(key)}.new`, this.#path(key))
  }

  async scale(from: string, to: string, width: number): Promise<void> {
    await this.keep(to, await sharp(this.#path(from)).resize({ width }).webp().toBuffer())
  }

  read(key: string): ReadableStream<Uint8Array> {
    return Readable.toWeb(createReadStream(this.#path(key))) as ReadableStream<Uint8Array>
  }

  async remove(key: string): Promise<void> {
    await rm(this.#path(key), { force: true })
  }

  #path(key: string): string {
    return join(this.#dir, createHash('sha256').update(key).digest('hex'))
  }
}
