import assert from 'node:assert/strict'
import { admit, admitting, BOUNDS, type Bounds, encodeCar, issueUcan, type Ucan, UcanMemory } from '@symbiosis/protocol'
import { bentCbor, blockOf, modelOf } from '../attacks/bent.ts'
import { alice, bob, messageOf, NOW } from '../fixtures.ts'
import { refuses } from './refusal.ts'

let made = 0
/** A UCAN like no other, that names these. */
const ucan = (proofs: readonly Ucan[] = [], text = '') =>
  issueUcan(alice, {
    audience: bob.did,
    capabilities: [{ can: 'jar/look', with: alice.did, nb: { text } }],
    expiration: NOW + made++,
    proofs: proofs.map(({ cid }) => cid),
  })

/** One whose block has this many bytes. */
const sized = async (bytes: number): Promise<Ucan> => {
  const { length } = (await ucan([], 'x'.repeat(300))).bytes
  const found = await ucan([], 'x'.repeat(300 + bytes - length))
  assert.equal(found.bytes.length, bytes)
  return found
}

describe('admission', () => {
  const admitted = (execute: readonly Ucan[], blocks: readonly Ucan[], bounds: Partial<Bounds> = {}) =>
    admit(messageOf(execute, blocks), { ...BOUNDS, ...bounds }, new UcanMemory())

  it('looks again at nothing that is remembered', async () => {
    const [proof, other] = [await ucan(), await ucan()]
    const call = await ucan([proof, other])
    const message = messageOf([call], [proof, other, call])
    const memory = new UcanMemory()
    const steps = () => [...admitting(message, BOUNDS, memory)].length
    // Of the root the hash; of what isn't remembered the hash and the form.
    assert.deepEqual([steps(), steps()], [7, 3])
  })

  it('takes the root for no UCAN, whatever it carries', async () => {
    const call = await ucan()
    const posing = blockOf(bentCbor({ ...modelOf(call), 'ucanto/message@7.0.0': { execute: [call.cid] } }))
    const { ucans } = admit(encodeCar({ roots: [posing.cid], blocks: [call, posing] }), BOUNDS, new UcanMemory())
    assert.deepEqual([...ucans.keys()], [String(call.cid)])
  })

  it('says which UCAN is too large, where it is one', async () => {
    const [proof, other] = [await ucan(), await ucan()]
    const call = await ucan([proof, other])
    refuses(() => admitted([call], [call], { proofs: 1 }), 'TooLarge', { field: 'proofs', link: String(call.cid) })
    refuses(() => admitted([call], [call], { nbBytes: 3 }), 'TooLarge', { field: 'nbBytes', link: String(call.cid) })
    refuses(() => admitted([call, proof], [call, proof], { invocations: 1 }), 'TooLarge', { field: 'invocations', link: undefined })
  })

  it('measures the longest chain below each call, whichever way it was come by first', async () => {
    const top = await ucan()
    const middle = await ucan([top])
    const lower = await ucan([middle])
    const blocks = [top, middle, lower]
    for (const proofs of [
      [top, middle, lower],
      [lower, middle, top],
    ]) {
      const call = await ucan(proofs)
      assert.equal(admitted([call], [...blocks, call], { depth: 4 }).invocations.length, 1)
      refuses(() => admitted([call], [...blocks, call], { depth: 3 }), 'TooLarge', { field: 'depth', asked: 4, limit: 3 })
    }
    const [short, long] = [await ucan([middle]), await ucan([await ucan(), lower])]
    assert.equal(admitted([short, long], [...blocks, short, long], { depth: 4 }).invocations.length, 2)
    refuses(() => admitted([middle, long], [...blocks, long], { depth: 3 }), 'TooLarge', { field: 'depth', asked: 4 })
  })
})

describe('the memory of UCANs', () => {
  const decodeAll = (memory: UcanMemory, ucans: readonly Ucan[]) => ucans.map((each) => memory.decode(each))
  const remembered = (memory: UcanMemory, ucans: readonly Ucan[]) => ucans.filter((each) => memory.recall(each)).length

  it('gives back what was decoded, by CID and bytes', async () => {
    const [one, other] = [await ucan(), await ucan()]
    const memory = new UcanMemory()
    assert.equal(memory.recall(one), undefined)
    const [decoded] = decodeAll(memory, [one, other])
    assert.equal(memory.recall(one), decoded)
    assert.equal(memory.decode(one), decoded)
    assert.equal(memory.recall({ cid: one.cid, bytes: other.bytes }), undefined)
  })

  it('asks for a signature once, and remembers what was said of UCANs that it knows', async () => {
    const [known, unknown] = [await ucan(), await ucan()]
    const memory = new UcanMemory()
    decodeAll(memory, [known])
    assert.equal(memory.verdictOn(known), undefined)
    assert.deepEqual([memory.isSigned(known), memory.verdictOn(known)], [true, true])
    const bare = { ...known, signature: new Uint8Array(64) }
    assert.equal(memory.isSigned(bare), true, 'it is not asked again')
    assert.deepEqual([memory.isSigned(unknown), memory.verdictOn(unknown)], [true, undefined])
  })

  it('keeps what was used since the last half of its bound, and forgets the rest', async () => {
    const ucans = await Promise.all(Array.from({ length: 5 }, () => ucan()))
    const [first, second, third, fourth, fifth] = ucans as [Ucan, Ucan, Ucan, Ucan, Ucan]
    const size = (...those: Ucan[]) => those.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const memory = new UcanMemory(4)
    decodeAll(memory, [first, second, third])
    assert.equal(memory.bytes, size(first, second, third))
    assert.ok(memory.recall(first))
    assert.equal(memory.bytes, size(first, second, third), 'it is counted once')
    decodeAll(memory, [fourth])
    assert.equal(memory.bytes, size(third, first, fourth))
    assert.deepEqual(
      ucans.map((each) => remembered(memory, [each])),
      [1, 0, 1, 1, 0],
    )
    const plain = new UcanMemory(4)
    decodeAll(plain, [first, second, third, fourth, fifth])
    assert.equal(plain.bytes, size(third, fourth, fifth))
  })

  it('counts a kibibyte for each, to the byte', async () => {
    const ucans = [await sized(2048), await sized(2048), await sized(2048)]
    const memory = new UcanMemory(8)
    decodeAll(memory, ucans)
    assert.equal(remembered(memory, ucans.slice(0, 1)), 1)
    const [larger] = [await sized(2049)]
    const fuller = new UcanMemory(8)
    decodeAll(fuller, [...ucans.slice(0, 1), larger, ...ucans.slice(1)])
    assert.equal(remembered(fuller, ucans.slice(0, 1)), 0)
  })
})
