import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cidOf, encodeCar } from '@symbiosis/protocol'
import sharp from 'sharp'
import { root } from '../tree.ts'
import { Place, type RunningHost } from './command.ts'

describe('calling what has no command of its own', function () {
  this.timeout(120_000)

  const place = new Place()
  const wallet = place.wallet('wallet')
  const [photo, text, small] = [place.path('sea.png'), place.path('text'), place.path('small.webp')]
  let host: RunningHost

  before(async () => {
    host = await place.host(['--approve', 'all', '--service', join(root, 'examples/thumbs')])
    await wallet.ok('pair', host.url)
    await wallet.ok('request', 'thumbs', 'dag')
    const size = { width: 64, height: 48, channels: 3, background: 'teal' } as const
    writeFileSync(photo, await sharp({ create: size }).png().toBuffer())
    writeFileSync(text, 'no image')
  })
  after(() => place.end())

  it('sends a file up, and shows the answer', async () => {
    const { code, stdout } = await wallet.run(['call', 'thumbs/upload', '{ "name": "sea" }', '--in', photo])
    assert.deepEqual([code, JSON.parse(stdout)], [0, { width: 64, height: 48 }])
    const piped = await wallet.run(['call', 'thumbs/upload', '{ "name": "text" }', '--in', '-', '--json'], 'no image')
    assert.deepEqual([piped.code, JSON.parse(piped.stdout).error.name], [1, 'NotAnImage'])
  })

  it('has what streams back on stdout, with the answer beside it, or in a file', async () => {
    const rendered = await wallet.run(['call', 'thumbs/render', '{ "name": "sea", "widths": [16, 32] }'])
    const lines = rendered.stdout.trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).width),
      [16, 32],
    )
    assert.match(rendered.stderr, /"copies": 2/)
    const got = await wallet.run(['call', 'thumbs/get', '{ "name": "sea", "width": 16 }', '--out', small])
    assert.deepEqual(JSON.parse(got.stdout), { width: 16, height: 12 })
    assert.equal((await sharp(readFileSync(small)).metadata()).format, 'webp')
  })

  it('takes links as text and as DAG-JSON', async () => {
    const bytes = new TextEncoder().encode('Remember the milk')
    const cid = cidOf(bytes, 0x55)
    const car = place.path('note.car')
    writeFileSync(car, encodeCar({ roots: [cid], blocks: [{ cid, bytes }] }))
    const asLink = JSON.stringify({ root: { '/': String(cid) } })
    const imported = await wallet.run(['call', 'dag/import', asLink, '--in', car])
    assert.deepEqual(JSON.parse(imported.stdout).root, { '/': String(cid) })
    const asText = JSON.stringify({ root: String(cid) })
    assert.equal((await wallet.ok('call', 'DAG/status', asText)).complete, true)
    const out = place.path('back.car')
    await wallet.ok('call', 'dag/export', asText, '--out', out)
    assert.ok(readFileSync(out).includes(Buffer.from(bytes)))
  })

  it('is for operators where the ability is', async () => {
    assert.deepEqual(await place.wallet('owner').ok('host', 'call', 'thumbs/stats'), { images: 1 })
    assert.equal((await wallet.refused(1, 'call', 'thumbs/stats')).name, 'NotOwner')
    assert.equal((await wallet.refused(1, 'host', 'call', 'thumbs/remove', '{ "name": "sea" }')).name, 'NotOwner')
  })

  it('says what was wrong before anything is sent', async () => {
    const { stderr } = await wallet.run(['call', 'thumbs/get', '{ "name": "sky", "width": 16 }'])
    assert.match(stderr, /refused: Unknown[\s\S]*image +sky/, 'what a declared error says is shown')
    const wrong: [string, ...string[]][] = [
      ['NotFound', 'nothing/get'],
      ['UnknownAbility', 'thumbs/nothing'],
      ['InvalidInput', 'thumbs/remove', 'sea'],
      ['InvalidInput', 'thumbs/remove', '["sea"]'],
      ['InvalidInput', 'thumbs/remove', '{ "name": 1 }'],
      ['InvalidInput', 'thumbs/upload', '{ "name": "sea" }'],
      ['InvalidInput', 'thumbs/remove', '{ "name": "sea" }', '--in', text],
      ['InvalidInput', 'thumbs/remove', '{ "name": "sea" }', '--out', place.path('out')],
      ['InvalidInput', 'thumbs/get', '{ "name": "sea", "width": 16 }'],
      ['InvalidInput', 'thumbs/get', '{ "name": "sea", "width": 16 }', '--out', small],
      ['NotFound', 'thumbs/upload', '{ "name": "sea" }', '--in', place.path('absent')],
    ]
    for (const [name, ...args] of wrong) assert.equal((await wallet.refused(1, 'call', ...args)).name, name, args.join(' '))
    assert.equal(existsSync(place.path('out')), false)
  })
})
