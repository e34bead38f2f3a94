import { type Charge, type Environment, Failure, type OpenService, provide, streamFrom } from '@symbiosis/protocol'
import { Images } from './images.ts'
import { thumbs } from './index.ts'

const MAX_UPLOAD_BYTES = 20_000_000

interface Copy {
  width: number
  height: number
  /** What was reserved for it; given back when it goes. */
  charge: Charge
  /** Whether its file is there. */
  ready: boolean
}

const open: OpenService = ({ dir }) => {
  const images = new Images(dir)
  let environment: Environment | undefined

  return provide(
    thumbs,
    {
      async upload({ name }, { body, commit, fail, space }) {
        const bytes = await collect(body)
        const size = await images.measure(bytes)
        if (!size) return fail('NotAnImage', { bytes: bytes.length })
        await images.keep(`${space} ${name}`, bytes)
        return commit(async (tx) => {
          await tx.put(`image/${name}`, size)
          return size
        })
      },

      async render({ name, widths }, { get, commit, fail, space, signal }) {
        const image = (await get(`image/${name}`)) as { width: number; height: number } | undefined
        if (!image) return fail('Unknown', { image: name })
        const wanted = [...new Set(widths)]
        // All that will be needed is reserved before the first answer, or nothing is.
        const copies = await commit(async (tx) => {
          const found: Copy[] = []
          for (const width of wanted) {
            const before = (await tx.get(`copy/${name}/${width}`)) as Copy | undefined
            const height = Math.max(1, Math.round((image.height * width) / image.width))
            const copy = before ?? { width, height, charge: await tx.reserve({ pixels: width * height }), ready: false }
            if (!before) await tx.put(`copy/${name}/${width}`, copy as never)
            found.push(copy)
          }
          return found
        })
        async function* progress() {
          for (const [at, copy] of copies.entries()) {
            signal.throwIfAborted()
            const { width, height } = copy
            if (!copy.ready) {
              await images.scale(`${space} ${name}`, `${space} ${name} ${width}`, width)
              await commit((tx) => tx.put(`copy/${name}/${width}`, { ...copy, ready: true } as never))
            }
            yield new TextEncoder().encode(`${JSON.stringify({ done: at + 1, of: copies.length, width, height })}\n`)
          }
        }
        return { ok: { copies: copies.length }, body: streamFrom(progress()) }
      },

      async get({ name, width }, { get, fail, space }) {
        const copy = (await get(`copy/${name}/${width}`)) as Copy | undefined
        if (!copy?.ready) return fail('Unknown', { image: name })
        return { ok: { width, height: copy.height }, body: images.read(`${space} ${name} ${width}`) }
      },

      async remove({ name }, { commit, space }) {
        const gone = await commit(async (tx) => {
          const copies = await tx.list({ prefix: `copy/${name}/` })
          for (const { key, value } of copies) {
            await tx.adjust((value as unknown as Copy).charge, {})
            await tx.delete(key)
          }
          await tx.delete(`image/${name}`)
          return copies.map(({ value }) => `${space} ${name} ${(value as unknown as Copy).width}`)
        })
        for (const key of [`${space} ${name}`, ...gone]) await images.remove(key)
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
