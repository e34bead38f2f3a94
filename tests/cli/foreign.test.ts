import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { cidOf } from '@symbiosis/protocol'
import { readable } from '../../cli/bodies.ts'
import { fromDagJson } from '../../cli/dag-json.ts'
import { escaped } from '../../cli/text.ts'

/** Escape, the C1 control that is a CSI by itself, and an override that turns a line around. */
const HOSTILE = 'a\u001b[2Jb\u009b31mc\u202ed'

describe('what comes from others, on the command line', () => {
  it('is the same JSON where it could move the cursor', () => {
    const value = { [HOSTILE]: [HOSTILE, 'ä', 1] }
    const shown = escaped(JSON.stringify(value, null, 2))
    assert.deepEqual(JSON.parse(shown), value)
    for (const character of '\u001b\u009b\u202e') assert.ok(!shown.includes(character))
    assert.match(shown, /\n/)
  })

  it('is streamed to a terminal as text that can not move it, in whatever parts it comes', async () => {
    const stream = readable()
    for (const byte of new TextEncoder().encode(`${HOSTILE}\nzwei: ä`)) stream.write(Uint8Array.of(byte))
    stream.end()
    assert.equal(await text(stream), 'a [2Jb 31mc d\nzwei: ä')
  })

  it('is DAG-JSON as it stands, and nothing that only looks like it', () => {
    const cid = cidOf(new TextEncoder().encode('lamp'))
    const link = { '/': String(cid) }
    assert.deepEqual(fromDagJson({ a: [link], b: { '/': { bytes: 'AQI' } }, c: { '/': { bytes: 'AQI=' } } }), {
      a: [cid],
      b: Uint8Array.of(1, 2),
      c: Uint8Array.of(1, 2),
    })
    for (const other of [
      { '/': 'lamp' },
      { '/': { bytes: 'AQ*I' } },
      { '/': { bytes: 'A' } },
      { '/': 1 },
      { ...link, more: 1 },
      String(cid),
    ])
      assert.deepEqual(fromDagJson(other), other)
    assert.deepEqual(fromDagJson(String(cid), { ipld: 'link' }), cid)
    assert.equal(fromDagJson('lamp', { ipld: 'link' }), 'lamp')
  })
})
