import assert from 'node:assert/strict'
import { type Block, CLOCK_SKEW, decode, issueUcan, type Ucan, type Value } from '@symbiosis/protocol'
import {
  describeService,
  encodeManifest,
  MANIFEST_BOUNDS,
  PUBLISH,
  type SignedManifest,
  verifyLoggedManifest,
  verifyManifest,
} from '@symbiosis/protocol/manifest'
import { type Entry, encodeEntry, originOf } from '@symbiosis/protocol/revocation'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { alice, bob, NOW, phone } from '../fixtures.ts'
import { logKey, logSigner, shown } from '../protocol/manifest/logging.ts'
import { bell, blockOf, car, contentOf, rack, signed, signedBy, verify } from '../protocol/manifest/making.ts'
import { refuses } from '../protocol/refusal.ts'

/** What comes in place of a host's manifest: from who stands between, from another host, or from the host itself. */
describe('a false manifest', () => {
  let honest: SignedManifest

  before(async () => {
    honest = await signed()
  })

  const sign = (over: object | undefined = {}, claims: Partial<Parameters<typeof issueUcan>[1]> = {}, signer = alice) => {
    const capability = { can: PUBLISH, with: alice.did, nb: { root: honest.root.cid, seq: 1 }, ...over }
    return issueUcan(signer, { audience: alice.did, capabilities: [capability], expiration: NOW + 60, ...claims })
  }
  const under = (ucan: Pick<Ucan, 'cid' | 'bytes'>) => car(ucan as Ucan, [honest.root, ...honest.services])
  const seenAs = (seq: number, { root } = honest) => ({ seen: { seq, root: String(root.cid) } })

  describe('that another has signed, or nobody', () => {
    it('has a signer who is not the host', async () => {
      refuses(() => verify(honest, { host: bob.did }), 'WrongAudience', { by: alice.did })
      refuses(() => verifyManifest(under(honest.signature), { host: bob.did, now: NOW }), 'WrongAudience')
    })

    it('speaks for the host by the key of another', async () => {
      const forged = await sign({}, {}, bob)
      refuses(() => verify(under(forged)), 'WrongAudience', { by: bob.did })
    })

    it('has a signature that is not over it', () => {
      const { s, ...claims } = decode(honest.signature.bytes) as { s: Uint8Array; [field: string]: Value }
      const forged = blockOf({ ...claims, s: s.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) })
      refuses(() => verify(under(forged)), 'BadSignature', { link: String(forged.cid) })
    })

    it('has what the host signed for something else', async () => {
      const nb = { root: honest.root.cid, seq: 1 }
      const others = [{ can: 'manifest/get' }, { can: 'manifest/*' }, { can: '*' }, { with: bob.did }]
      const misshapen = [{ root: nb.root }, { ...nb, root: String(nb.root) }, { ...nb, seq: '1' }, { ...nb, more: 1 }, undefined]
      for (const over of [...others, ...misshapen.map((each) => ({ nb: each }))]) {
        const other = under(await sign(over))
        refuses(() => verify(other), 'Malformed')
      }
    })

    it('is the root of another host', async () => {
      const blocks = await signed({ content: { host: bob.did } })
      refuses(() => verify(blocks), 'WrongAudience', { by: bob.did })
    })

    it('has another number than its signature', async () => {
      const renumbered = await signed({ seq: 9 })
      refuses(() => verify(renumbered), 'BadSignature', { field: 'seq' })
    })
  })

  describe('that is of another time', () => {
    it('is older than one that was seen', () => {
      refuses(() => verify(honest, seenAs(2)), 'Replayed', { field: 'seq', limit: 2, asked: 1 })
      assert.equal(verify(honest, seenAs(1)).seq, 1)
    })

    it('has the number of one that was seen, and says something else', async () => {
      const other = await signed({ content: { endpoints: [] } })
      refuses(() => verify(honest, seenAs(1, other)), 'BadSignature', { field: 'root' })
    })

    it('was good once: whoever keeps newer ones away is believed until the signature ends', async () => {
      const old = await signed({ expiration: NOW - CLOCK_SKEW - 1 })
      refuses(() => verify(old), 'Expired', { at: NOW - CLOCK_SKEW - 1 })
    })

    it('is signed for longer than anybody should be believed', async () => {
      const most = NOW + MANIFEST_BOUNDS.manifestLife + CLOCK_SKEW
      assert.equal(verify(await signed({ expiration: most })).expires, most)
      const long = await signed({ expiration: most + 1 })
      refuses(() => verify(long), 'TooLong', { field: 'manifestLife' })
      const endless = under(await sign({}, { expiration: null }))
      refuses(() => verify(endless), 'TooLong')
    })

    it('is signed for a time to come', async () => {
      const early = under(await sign({}, { notBefore: NOW + CLOCK_SKEW + 1 }))
      refuses(() => verify(early), 'TooEarly')
    })

    it('is of a version that is not known', async () => {
      for (const v of [0, 2, 1.5]) {
        const other = await signedBy({ v })
        refuses(() => verify(other), 'Unsupported', { field: 'v' })
      }
    })
  })

  describe('that is not in the log', () => {
    const manifest = async () => verify(await signed({ content: { log: { key: logKey() } } }))
    const entry = ({ seq, root }: { seq: number; root: CID }): Entry => ({ kind: 'manifest', seq, root })
    const filler: Entry = { kind: 'filter', size: 0, now: NOW, bits: 0, root: blockOf({}).cid }

    it('comes with nothing that would show it', async () => {
      const told = await manifest()
      refuses(() => verifyLoggedManifest(told, undefined), 'Unsupported', { field: 'log' })
      const good = await shown([filler, entry(told), filler], 1)
      assert.equal(verifyLoggedManifest(told, good).size, 3)
    })

    it('comes with a proof of something else, or of another place', async () => {
      const told = await manifest()
      const good = await shown([filler, entry(told), filler], 1)
      const [other] = good.proof as [Uint8Array]
      for (const bent of [{ index: 0 }, { entry: encodeEntry(filler) }, { proof: good.proof.map((hash) => hash.map((byte) => byte ^ 1)) }])
        refuses(() => verifyLoggedManifest(told, { ...good, ...bent }), 'BadSignature', { field: 'proof' })
      for (const bent of [{ index: 3 }, { proof: [other] }, { entry: Uint8Array.of() }])
        assert.throws(() => verifyLoggedManifest(told, { ...good, ...bent }))
    })

    it('comes with the entry of another', async () => {
      const told = await manifest()
      const others: Entry[] = [entry({ ...told, seq: 2 }), entry({ ...told, root: blockOf({}).cid }), filler]
      others.push({ kind: 'revocation', ucan: told.root, by: alice.did, expiration: null, cause: told.root })
      for (const at of others.keys()) {
        const good = await shown([entry(told), ...others], at + 1)
        refuses(() => verifyLoggedManifest(told, good), 'BadSignature', { field: 'entry' })
      }
    })

    it('stands in the log of another host', async () => {
      const told = await manifest()
      const good = await shown([entry(told)], 0)
      const another = await shown([entry(told)], 0, { host: bob })
      refuses(() => verifyLoggedManifest(told, another), 'BadSignature', { field: 'key' })
      refuses(() => verifyLoggedManifest(told, { ...another, key: good.key }), 'BadSignature', { field: 'keys' })
      const renamed = await shown([entry(told)], 0, { origin: originOf(bob.did) })
      refuses(() => verifyLoggedManifest(told, renamed), 'BadSignature', { field: 'origin' })
    })

    it('stands in a log by another key than it names, though the host named that one, too', async () => {
      const told = await manifest()
      const second = await shown([entry(told)], 0, { signer: phone })
      refuses(() => verifyLoggedManifest(told, second), 'BadSignature', { field: 'key' })
      const stolen = await shown([entry(told)], 0, { signer: phone, named: logSigner })
      refuses(() => verifyLoggedManifest(told, stolen), 'BadSignature', { field: 'keys' })
    })

    it('stands in a checkpoint that nobody signed', async () => {
      const told = await manifest()
      const good = await shown([entry(told)], 0)
      const { checkpoint: another } = await shown([entry(told), filler], 0)
      const signature = another.slice(another.indexOf('\n\n'))
      const forged = good.checkpoint.slice(0, good.checkpoint.indexOf('\n\n')) + signature
      refuses(() => verifyLoggedManifest(told, { ...good, checkpoint: forged }), 'BadSignature')
    })
  })

  describe('that is not whole, or more than that', () => {
    const bytesOf = (...blocks: readonly Block[]) => car(honest.signature, blocks)

    it('lacks the root that is signed', async () => {
      const { root } = await signed({ content: { endpoints: [] } })
      refuses(() => verify(bytesOf(root, ...honest.services)), 'Malformed', { link: String(honest.root.cid) })
      refuses(() => verify(bytesOf()), 'Malformed')
    })

    it('lacks a service, or has other bytes at hand for it', () => {
      const [first, second] = honest.services as [Block, Block]
      refuses(() => verify(bytesOf(honest.root, first)), 'Malformed', { link: String(second.cid) })
      const other = { cid: second.cid, bytes: first.bytes }
      refuses(() => verify(bytesOf(honest.root, first), { have: [other] }), 'Malformed', { link: String(second.cid) })
    })

    it('has a block with bytes that are not its own', () => {
      const [first, second] = honest.services as [Block, Block]
      refuses(() => verify(bytesOf(honest.root, first, { cid: second.cid, bytes: first.bytes })), 'BadHash', { link: String(second.cid) })
    })

    it('has a block under a second name', () => {
      const [first, second] = honest.services as [Block, Block]
      const raw = CID.createV1(0x55, second.cid.multihash)
      const inline = CID.createV1(0x71, Digest.create(0, second.bytes.slice(0, 20)))
      refuses(() => verify(bytesOf(honest.root, first, { cid: raw, bytes: second.bytes })), 'NotCanonical')
      refuses(() => verify(bytesOf(honest.root, first, { cid: inline, bytes: second.bytes.slice(0, 20) })), 'NotCanonical')
    })

    it('has blocks twice, in another order, or for nothing', () => {
      const [first, second] = honest.services as [Block, Block]
      refuses(() => verify(bytesOf(honest.root, first, second, second)), 'NotCanonical')
      refuses(() => verify(bytesOf(honest.root, second, first)), 'NotCanonical')
      refuses(() => verify(bytesOf(honest.root, first, second, blockOf({ spare: 1 }))), 'NotCanonical')
    })

    it('is larger than any', async () => {
      const { length } = encodeManifest(honest)
      assert.equal(verify(honest, { bounds: { manifestBytes: length } }).seq, 1)
      refuses(() => verify(honest, { bounds: { manifestBytes: length - 1 } }), 'TooLarge', { field: 'manifestBytes' })
      refuses(() => verify(honest, { bounds: { manifestBlockBytes: 100 } }), 'TooLarge')
      refuses(() => verify(honest, { bounds: { services: 1 } }), 'TooLarge')
    })

    it('names more services than are read, which are said to be at hand', () => {
      const { blocks } = verify(honest)
      refuses(() => verify(bytesOf(honest.root), { have: blocks, bounds: { services: 1 } }), 'TooLarge', { field: 'services' })
    })

    it('has more in its root than a root has', async () => {
      for (const over of [{ more: 1 }, { seq: 0 }, { seq: '1' }, { prev: 'a' }, { endpoints: [1] }, { log: {} }, { services: [] }]) {
        const other = await signedBy(over)
        refuses(() => verify(other), 'Malformed')
      }
    })
  })

  describe('whose services are none', () => {
    const good = JSON.parse(JSON.stringify(describeService(bell))) as Parsed
    const ringing = good.abilities['bell/ring'] as Parsed['abilities'][string]
    const of = async (over: object) => {
      const service = { ...good, ...over }
      return signedBy({}, [service])
    }
    const withNb = (nb: unknown) => of({ abilities: { 'bell/ring': { ...ringing, nb } } })
    const field = (schema: unknown) => withNb({ type: 'object', properties: { a: schema }, required: [], additionalProperties: false })

    it('are called what can not stand in paths and commands', async () => {
      for (const id of ['../bell', 'Bell', 'bell; rm', 'lease', '', 'bell\n']) {
        const other = await of({ id })
        refuses(() => verify(other), 'Malformed')
      }
    })

    it('are called otherwise by the manifest than by themselves', async () => {
      const service = blockOf({ ...good, id: 'gong' })
      const other = await signedBy({ services: { bell: service.cid } })
      refuses(() => verify(other, { have: [service] }), 'Malformed')
    })

    it('have abilities and limits whose names are no names, or of other abilities', async () => {
      const renamed = (can: string, name: string) => of({ abilities: { [can]: { ...ringing, name } } })
      const named = [renamed('bell/toll', 'ring'), renamed('gong/ring', 'ring'), renamed('bell/*', '*'), renamed('bell/a b', 'a b')]
      const limits = { '*/ evil()': { kind: 'max', about: '', unit: 'count', default: 1 } }
      const errors = { abilities: { 'bell/ring': { ...ringing, errors: { 'a: 1 }': ringing.ok } } } }
      for (const other of await Promise.all([...named, of({ limits }), of(errors)])) refuses(() => verify(other), 'Malformed')
      const twice = await of({ abilities: { 'bell/ring': ringing, 'bell/Ring': ringing } })
      refuses(() => verify(twice), 'Malformed')
    })

    it('have words in their schemas that are not known: what they forbid would be let through', async () => {
      for (const schema of [
        { type: 'string', pattern: '(a+)+$' },
        { type: 'object', additionalProperties: false, properties: {}, required: [], patternProperties: {} },
        { anyOf: [{ type: 'boolean' }], not: { type: 'boolean' } },
        { ipld: 'link', maxLength: 1 },
        { ipld: 'other' },
        { type: 'number' },
        { $ref: '#' },
        {},
      ]) {
        const other = await field(schema)
        refuses(() => verify(other), 'Unsupported')
      }
    })

    it('have schemas that are misshapen', async () => {
      for (const schema of [
        [],
        'text',
        { type: 'array' },
        { type: 'object' },
        { type: 'object', additionalProperties: false },
        { type: 'object', additionalProperties: false, properties: {}, required: ['a'] },
        { type: 'object', additionalProperties: false, properties: { '/': { type: 'boolean' } }, required: [] },
        { type: 'string', maxLength: '1' },
        { type: 'string', maxLength: -1 },
        { type: 'integer', minimum: 0.5 },
        { type: 'boolean', description: 1 },
        { enum: [] },
        { enum: [{}] },
        { anyOf: {} },
      ]) {
        const other = await field(schema)
        refuses(() => verify(other), 'Malformed')
      }
      const flat = await withNb({ type: 'string' })
      refuses(() => verify(flat), 'Malformed')
    })

    it('have schemas without end', async () => {
      let deep: object = { type: 'boolean' }
      for (let level = 0; level < 40; level++) deep = { type: 'array', items: deep }
      const other = await field(deep)
      refuses(() => verify(other), 'TooLarge', { field: 'schemaDepth' })
      const wide = await field({ anyOf: Array.from({ length: 5000 }, () => ({ type: 'boolean' })) })
      refuses(() => verify(wide), 'TooLarge', { field: 'schemaNodes' })
      const abilities = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`bell/ring${at}`, { ...ringing, name: `ring${at}` }]))
      const many = await of({ abilities })
      refuses(() => verify(many), 'TooLarge', { field: 'abilities' })
    })
  })

  it('is what all of this is held against', () => {
    assert.deepEqual([...verify(honest).services.keys()], [bell.id, rack.id])
    assert.equal(honest.services.length, contentOf().services.length)
  })
})

/** As plain JSON, to be bent. */
interface Parsed {
  readonly abilities: { readonly [can: string]: { readonly [field: string]: unknown } }
  readonly [field: string]: unknown
}
