import { ability, int, limit, list, service, struct, text } from '@symbiosis/protocol'

const name = () => text({ minLength: 1, maxLength: 80 })
const width = () => int({ min: 16, max: 4096 })

export const thumbs = service('thumbs', {
  rev: 1,
  about: 'Makes smaller copies of images',
  limits: {
    bytes: limit.max('of images that are kept', { unit: 'bytes', default: 100_000_000 }),
    pixels: limit.max('pixels of all copies that are kept', { default: 10_000_000 }),
  },
  abilities: {
    upload: ability({
      about: 'Takes an image in',
      nb: struct({ name: name() }),
      ok: struct({ width: int(), height: int() }),
      errors: { NotAnImage: struct({ bytes: int() }), Taken: struct({ image: text() }) },
      effect: 'idempotent',
      stream: 'in',
    }),
    render: ability({
      about: 'Makes copies of an image, and tells of each when it is kept',
      nb: struct({ name: name(), widths: list(width(), { maxItems: 16 }) }),
      ok: struct({ copies: int() }),
      errors: { Unknown: struct({ image: text() }) },
      effect: 'idempotent',
      stream: 'out',
    }),
    get: ability({
      about: 'Gives a copy out, as WebP',
      nb: struct({ name: name(), width: width() }),
      ok: struct({ width: int(), height: int() }),
      errors: { Unknown: struct({ image: text() }) },
      effect: 'read',
      stream: 'out',
    }),
    remove: ability({
      about: 'Keeps an image and its copies no longer',
      nb: struct({ name: name() }),
      ok: struct({}),
      effect: 'idempotent',
    }),
    stats: ability({
      about: 'Counts the images of all spaces',
      authority: 'operator',
      nb: struct({}),
      ok: struct({ images: int() }),
      effect: 'read',
    }),
  },
})

export interface Progress {
  done: number
  of: number
  width: number
  height: number
}

/** What streams out of `render`: a line of JSON for each copy. */
export async function* readProgress(body: ReadableStream<Uint8Array>): AsyncGenerator<Progress> {
  let rest = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() as string
    for (const line of lines) yield JSON.parse(line)
  }
}
