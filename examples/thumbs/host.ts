import { createHash, randomUUID } from 'node:crypto'
import { type Charge, type Environment, Failure, type OpenService, provide, streamFrom } from '@symbiosis/protocol'
import { Images } from './images.ts'
import { thumbs } from './index.ts'

const MAX_UPLOAD_BYTES = 20_000_000

// What is kept for a space. A `type`, since the compiler takes an `interface` for no value that can be kept.
type Kept = {
  file: string
  width: number
  height: number
  /** What was reserved for it; given back when it goes. */
  charge: Charge
}
type Image = Kept & { digest: string }
type Copy = Kept & {
  /** Whether its file is there. */
  ready: boolean
}

const open: OpenService = ({ dir }) => {
  const images = new Images(dir)
  let environment: Environment | undefined

  return provide(
    thumbs,
    {
      async upload({ name }, { body, commit, fail }) {
        const bytes = await collect(body)
        const size = await images.measure(bytes)
        if (!size) return fail('NotAnImage', { bytes: bytes.length })
        const digest = createHash('sha256').update(bytes).digest('hex')
        const file = randomUUID()
        await images.keep(file, bytes)
        let kept: Image | undefined
        try {
          kept = await commit(async (tx) => {
            const before = (await tx.get(`image/${name}`)) as Image | undefined
            if (before) return before
            const image = { file, ...size, charge: await tx.reserve({ bytes: bytes.length }), digest }
            await tx.put(`image/${name}`, image)
            return image
          })
        } finally {
          // No record names it: there was one before, or the lease had no room.
          if (kept?.file !== file) await images.remove(file)
        }
        return kept.digest === digest ? size : fail('Taken', { image: name })
      },

      async render({ name, widths }, { get, commit, fail, signal }) {
        const image = (await get(`image/${name}`)) as Image | undefined
        if (!image) return fail('Unknown', { image: name })
        // All that will be needed is reserved before the first answer, or nothing is.
        const copies = await commit(async (tx) => {
          const found: Copy[] = []
          for (const width of new Set(widths)) {
            const height = Math.max(1, Math.round((image.height * width) / image.width))
            const before = (await tx.get(`copy/${name}/${width}`)) as Copy | undefined
            const copy = before ?? { file: randomUUID(), width, height, charge: await tx.reserve({ pixels: width * height }), ready: false }
            if (!before) await tx.put(`copy/${name}/${width}`, copy)
            found.push(copy)
          }
          return found
        })
        const make = async ({ file, width }: Copy) => {
          await images.scale(image.file, file, width)
          const isWanted = await commit(async (tx) => {
            const copy = (await tx.get(`copy/${name}/${width}`)) as Copy | undefined
            if (copy?.file !== file) return false
            await tx.put(`copy/${name}/${width}`, { ...copy, ready: true })
            return true
          })
          if (isWanted) return
          await images.remove(file)
          throw new Failure('NotFound', 'The image was removed meanwhile.')
        }
        async function* progress() {
          for (const [at, copy] of copies.entries()) {
            signal.throwIfAborted()
            if (!copy.ready) await make(copy)
            const { width, height } = copy
            yield new TextEncoder().encode(`${JSON.stringify({ done: at + 1, of: copies.length, width, height })}\n`)
          }
        }
        return { ok: { copies: copies.length }, body: streamFrom(progress()) }
      },

      async get({ name, width }, { get, fail }) {
        const copy = (await get(`copy/${name}/${width}`)) as Copy | undefined
        if (!copy?.ready) return fail('Unknown', { image: name })
        return { ok: { width, height: copy.height }, body: images.read(copy.file) }
      },

      async remove({ name }, { commit }) {
        const gone = await commit(async (tx) => {
          const image = await tx.get(`image/${name}`)
          const copies = await tx.list({ prefix: `copy/${name}/` })
          const all = [...copies, ...(image ? [{ key: `image/${name}`, value: image }] : [])]
          for (const { key, value } of all) {
            await tx.adjust((value as Kept).charge, {})
            await tx.delete(key)
          }
          return all.map(({ value }) => (value as Kept).file)
        })
        for (const file of gone) await images.remove(file)
        return {}
      },

      async stats() {
        let images = 0
        for await (const _ of environment?.every('image/') ?? []) images++
        return { images }
      },
    },
    {
      open(given) {
        environment = given
      },
    },
  )
}

const collect = async (body: ReadableStream<Uint8Array>): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > MAX_UPLOAD_BYTES) throw new Failure('TooLarge', 'The image is too large.', { field: 'body', limit: MAX_UPLOAD_BYTES })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export default open
