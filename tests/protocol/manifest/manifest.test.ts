import assert from 'node:assert/strict'
import { type Block, check, cidOf, encode, type JsonSchema } from '@symbiosis/protocol'
import { buildManifest, contractOf, describeService, encodeManifest, manifestJson, verifyManifest } from '@symbiosis/protocol/manifest'
import { alice, NOW } from '../../fixtures.ts'
import { bell, contentOf, rack, signed, verify } from './making.ts'
import { fromDagJson } from './reading.ts'

const links = (blocks: readonly Block[]) => blocks.map(({ cid }) => String(cid))

describe('A manifest', () => {
  it('is read as it was made', async () => {
    const made = await signed({ number: { seq: 7, prev: cidOf(Uint8Array.of(1)) } })
    const { services, blocks, ...manifest } = verify(made)
    const { host, log, endpoints } = contentOf()
    assert.deepEqual(manifest, { host, log, endpoints, seq: 7, prev: cidOf(Uint8Array.of(1)), root: made.root.cid, expires: NOW + 3600 })
    assert.deepEqual([...services.keys()], ['bell', 'rack'])
    assert.deepEqual(encode(services.get('rack')), encode(describeService(rack, { region: 'attic' })))
    assert.deepEqual(links(blocks), links(made.services))
  })

  it('is the same for the same content, whatever the order of the services', () => {
    const { services } = contentOf()
    const [one, other] = [services, [...services].reverse()].map((each) => buildManifest(contentOf({ services: each }), { seq: 1 }))
    assert.deepEqual(one, other)
  })

  it('keeps the CIDs of services that stay as they were, so that an update costs what changed', async () => {
    const before = await signed()
    const changed = describeService({ ...rack, rev: 4, about: 'Keeps bottles cool' }, { region: 'attic' })
    const after = await signed({ content: { services: [changed, describeService(bell)] }, number: { seq: 2, prev: before.root.cid } })
    const [bellBefore, rackBefore] = links(before.services)
    const [bellAfter, rackAfter] = links(after.services)
    assert.equal(bellAfter, bellBefore)
    assert.notEqual(rackAfter, rackBefore)
    const { blocks } = verify(before)
    const update = encodeManifest(after, ({ cid }) => links(blocks).includes(String(cid)))
    assert.equal(encodeManifest(after).length - update.length > (before.services[0] as Block).bytes.length, true)
    const { services } = verify(update, { have: blocks, seen: { seq: 1, root: String(before.root.cid) } })
    assert.deepEqual(encode(services.get('bell')), encode(describeService(bell)))
    assert.equal(services.get('rack')?.rev, 4)
  })

  it('gives the contract back that it was made of', async () => {
    const description = verify(await signed()).services.get('rack')
    assert.ok(description)
    const { abilities, ...contract } = contractOf(description)
    assert.deepEqual(encode(contract), encode({ id: rack.id, rev: rack.rev, about: rack.about, limits: rack.limits }))
    assert.deepEqual(encode({ ...abilities }), encode({ ...rack.abilities }))
    const { nb } = abilities.putAway as { nb: JsonSchema }
    assert.equal(check(nb, { bottle: cidOf(Uint8Array.of(1)) }), undefined)
    assert.equal(check(nb, { bottle: cidOf(Uint8Array.of(1)), kind: 'green' })?.path, 'kind')
    assert.equal(check(nb, { bottle: 'a' })?.path, 'bottle')
    assert.equal(abilities.constructor, undefined)
  })

  it('has in DAG-JSON the same blocks', async () => {
    const made = await signed()
    const json = JSON.parse(manifestJson(made))
    const cidOfJson = (value: unknown) => String(cidOf(encode(fromDagJson(value))))
    assert.equal(cidOfJson(json.signature), String(made.signature.cid))
    assert.equal(cidOfJson(json.manifest), String(made.root.cid))
    assert.deepEqual(Object.values(json.services).map(cidOfJson), links(made.services))
    assert.deepEqual(Object.keys(json.services), ['bell', 'rack'])
  })

  it('is good until the end of its signature and the allowance for clocks', async () => {
    const made = encodeManifest(await signed({ expiration: NOW }))
    assert.equal(verifyManifest(made, { host: alice.did, now: NOW + 60 }).expires, NOW)
    assert.throws(() => verifyManifest(made, { host: alice.did, now: NOW + 61 }), { name: 'Expired' })
  })

  it('can be signed anew without becoming another', async () => {
    const [one, other] = [await signed(), await signed({ expiration: NOW + 7200 })]
    const { root } = verify(one)
    assert.deepEqual(verify(other, { seen: { seq: 1, root: String(root) } }).root, root)
  })

  it('has two services of one id refused where it is made', () => {
    const services = [describeService(bell), describeService(bell, { region: 'cellar' })]
    assert.throws(() => buildManifest(contentOf({ services }), { seq: 1 }), TypeError)
  })
})
