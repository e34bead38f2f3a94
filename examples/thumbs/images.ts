import { createReadStream } from 'node:fs'
import { open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import sharp from 'sharp'

/** Image files in one folder, by names that the service makes up. */
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
  async keep(file: string, bytes: Uint8Array): Promise<void> {
    await writeFile(`${this.#path(file)}.new`, bytes, { flush: true })
    await rename(`${this.#path(file)}.new`, this.#path(file))
    // Its name lasts when the folder is on the disk.
    await using folder = await open(this.#dir)
    await folder.sync()
  }

  async scale(from: string, to: string, width: number): Promise<void> {
    await this.keep(to, await sharp(this.#path(from)).resize({ width }).webp().toBuffer())
  }

  read(file: string): ReadableStream<Uint8Array> {
    return Readable.toWeb(createReadStream(this.#path(file))) as ReadableStream<Uint8Array>
  }

  async remove(file: string): Promise<void> {
    await rm(this.#path(file), { force: true })
  }

  #path(file: string): string {
    return join(this.#dir, file)
  }
}
