import assert from 'node:assert/strict'
import { cidOf, decode, encode, textOf } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'

describe('A link', () => {
  const samples = [1, 2, 3].map((byte) => cidOf(Uint8Array.of(byte), byte === 3 ? 0x55 : undefined))
  const read = (cid: CID): CID => (decode(encode({ cid })) as { cid: CID }).cid

  it('is what the library makes of the same bytes', () => {
    for (const ours of [...samples, ...samples.map(read)]) {
      const its = CID.decode(new Uint8Array(ours.bytes))
      assert.deepEqual(ours, its)
      assert.deepEqual([Reflect.ownKeys(ours), Reflect.ownKeys(ours.multihash)], [Reflect.ownKeys(its), Reflect.ownKeys(its.multihash)])
      assert.ok(ours.equals(its) && its.equals(ours) && ours instanceof CID && CID.asCID(ours) === ours)
      assert.equal(JSON.stringify(ours), JSON.stringify(its))
      assert.equal(String(ours.toV1()), String(its.toV1()))
    }
  })

  it('has the text that the library gives it, asked once or again', () => {
    for (const cid of samples.map(read)) {
      const its = CID.decode(new Uint8Array(cid.bytes)).toString()
      assert.deepEqual([textOf(cid), textOf(cid), String(cid)], [its, its, its])
    }
    const old = CID.createV0(read(cidOf(Uint8Array.of(1), 0x70)).multihash as Parameters<typeof CID.createV0>[0])
    assert.equal(textOf(read(old)), old.toString())
  })

  it('has bytes of its own, whatever becomes of those that it was read from', () => {
    const bytes = encode({ cid: samples[0] })
    const { cid } = decode(bytes) as { cid: CID }
    const text = textOf(cid)
    bytes.fill(0)
    assert.equal(String(cid), text)
    assert.deepEqual(cid.multihash.digest, cid.bytes.subarray(4))
  })
})
