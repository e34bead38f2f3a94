import * as runner from 'node:test'
import { runServiceTests } from '@symbiosis/conformance'
import sharp from 'sharp'
import open from '../host.ts'

const photo = (background: string) =>
  sharp({ create: { width: 64, height: 48, channels: 3, background } })
    .png()
    .toBuffer()
const sea = await photo('teal')

runServiceTests(runner, 'thumbs', {
  open,
  samples: [
    { ability: 'upload', nb: { name: 'old' }, body: sea, uses: { bytes: sea.length } },
    { ability: 'render', nb: { name: 'old', widths: [16] }, uses: { pixels: 16 * 12 } },
    { ability: 'remove', nb: { name: 'old' }, uses: { bytes: -sea.length, pixels: -(16 * 12) } },
    { ability: 'upload', nb: { name: 'sea' }, body: sea, uses: { bytes: sea.length } },
    { ability: 'upload', nb: { name: 'sea' }, body: await photo('navy'), error: 'Taken' },
    { ability: 'upload', nb: { name: 'text' }, body: new TextEncoder().encode('no image'), error: 'NotAnImage' },
    { ability: 'render', nb: { name: 'sea', widths: [16, 32] }, uses: { pixels: 16 * 12 + 32 * 24 } },
    { ability: 'render', nb: { name: 'sky', widths: [16] }, error: 'Unknown' },
    { ability: 'get', nb: { name: 'sea', width: 32 } },
    { ability: 'get', nb: { name: 'sea', width: 64 }, error: 'Unknown' },
    { ability: 'stats', varies: ['images'] },
  ],
})
