import { readProgress, thumbs } from '@example/thumbs'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
import sharp from 'sharp'

const [url = 'http://127.0.0.1:4747'] = process.argv.slice(2)
const photo = await sharp({ create: { width: 640, height: 480, channels: 3, background: 'teal' } })
  .png()
  .toBuffer()
const bodyOf = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()

await using app = await Symbiont.open({ wallet: memoryWallet() })
await app.pair(url)
await app.request({ thumbs: { pixels: 110_000 } }, { why: 'Show your photos' })
const mine = app.use(thumbs)

await mine.upload({ name: 'sea' }, { body: bodyOf(photo) })
const { body } = await mine.render({ name: 'sea', widths: [160, 320] })
for await (const { done, of, width } of readProgress(body)) console.log(`${done} of ${of}: ${width} pixels wide`)

const small = await mine.get({ name: 'sea', width: 160 })
console.log(`${small.ok.width} x ${small.ok.height}, ${(await new Response(small.body).arrayBuffer()).byteLength > 0 ? 'here' : 'empty'}`)

// The door that returns: the service's own error, and the refusal of the lease.
const text = await app.try(thumbs).upload({ name: 'text' }, { body: bodyOf(new TextEncoder().encode('no image')) })
console.log(text.error?.name)
const large = await app.try(thumbs).render({ name: 'sea', widths: [640] })
console.log(large.error?.name)

// A part of the lease for somebody else, who asks nobody and has images of their own.
await using friend = await Symbiont.open({ wallet: memoryWallet() })
const { token } = await app.sublease(friend.space, { thumbs: { pixels: 5000 } })
await friend.accept(token)
await friend.use(thumbs).upload({ name: 'sea' }, { body: bodyOf(photo) })
for (const width of [80, 160]) {
  const { error } = await friend.try(thumbs).render({ name: 'sea', widths: [width] })
  console.log(`a friend, ${width} pixels wide: ${error?.name ?? 'yes'}`)
}
