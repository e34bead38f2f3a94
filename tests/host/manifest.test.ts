import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ability, CAR_TYPE, cidOf, encode, Failure, httpChannel, provide, type Service, service, struct } from '@symbiosis/protocol'
import { contractOf, type Manifest, type SeenManifest, verifyLoggedManifest, verifyManifest } from '@symbiosis/protocol/manifest'
import { decodeEntry, type LogFrame, type Logged, type ManifestEntry } from '@symbiosis/protocol/revocation'
import { unixChannel, unixGet } from '@symbiosis/protocol/unix'
import { type Store, sqliteStore } from '../../host/index.ts'
import { jar, jarService } from '../attacks/jar.ts'
import { alice, expect, folders, mallory, NOW, World, type WorldOptions } from '../fixtures.ts'
import { fromDagJson } from '../protocol/manifest/reading.ts'

const DAY = 86_400

const bell = (rev: number, about: string) => {
  const ring = ability({ about: 'Rings', effect: 'idempotent', nb: struct({}), ok: struct({}) })
  return provide(service('bell', { rev, about, abilities: { ring } }), { ring: () => ({}) })
}

describe("a host's manifest", () => {
  const folder = folders()
  const open = (dir: string, options: Partial<WorldOptions> = {}) => World.open({ dir, manifestLife: DAY, ...options })

  const get = async (world: World, { seen, have = [] }: { seen?: SeenManifest; have?: Manifest['blocks'] } = {}) => {
    const { ok } = await world.call(mallory, { can: 'manifest/get', nb: { have: have.map(({ cid }) => cid) } })
    const bytes = ok?.manifest as Uint8Array
    const log = ok?.log as Logged
    const manifest = verifyManifest(bytes, { host: world.did, now: world.now, have, ...(seen && { seen }) })
    return { bytes, manifest, log, size: verifyLoggedManifest(manifest, log).size }
  }
  const entriesOf = async (world: World): Promise<ManifestEntry[]> => {
    const { ok } = await world.call(mallory, { can: 'log/entries', nb: { from: 0 } })
    const entries = (ok as unknown as LogFrame).entries.map(({ leaf }) => decodeEntry(leaf))
    return entries.filter((entry) => entry.kind === 'manifest')
  }
  const seenOf = ({ seq, root }: Manifest): SeenManifest => ({ seq, root: String(root) })

  it('tells all that it does, to whoever asks', async () => {
    const world = await open(folder(), { endpoints: ['https://host.example/'], terms: { jar: { region: 'kitchen' } }, maxLeaseTtl: 3600 })
    const { manifest } = await get(world)
    assert.deepEqual([...manifest.services.keys()], ['access', 'host', 'jar', 'log', 'manifest', 'ucan'])
    assert.deepEqual(manifest.endpoints, ['https://host.example/'])
    assert.deepEqual(manifest.services.get('jar')?.terms, { region: 'kitchen', maxLease: 3600 })
    assert.deepEqual(manifest.services.get('log')?.terms, {})
    const told = contractOf(manifest.services.get('jar') as never)
    assert.deepEqual(encode({ ...told, abilities: { ...told.abilities } }), encode(jar as Service))
    assert.match(manifest.log.key, new RegExp(`^${world.did}/revocations\\+`))
    assert.deepEqual(manifest.log.filters, { every: 3600, kept: 2 })
    await world.close()
  })

  it('is the same after a start in which nothing changed, and an entry of the log once', async () => {
    const dir = folder()
    const first = await open(dir)
    const before = (await get(first)).manifest
    await first.close()
    const second = await open(dir)
    const { manifest } = await get(second, { seen: seenOf(before) })
    assert.deepEqual([manifest.seq, String(manifest.root)], [before.seq, String(before.root)])
    const entries = await entriesOf(second)
    assert.deepEqual(
      entries.map(({ seq, root }) => [seq, String(root)]),
      [[manifest.seq, String(manifest.root)]],
    )
    await second.close()
  })

  it('is shown to be in the log as it is now: grown, opened anew, and signed anew', async () => {
    const dir = folder()
    const first = await open(dir)
    const place = async (world: World) => {
      const { log, size } = await get(world)
      return [log.index, size]
    }
    assert.deepEqual(await place(first), [0, 1])
    const lease = await first.lease(alice)
    assert.ok((await first.call(alice, { can: 'ucan/revoke', nb: { ucan: lease.ucan.cid }, attach: [lease] })).ok)
    assert.deepEqual(await place(first), [0, 2])
    first.now = NOW + DAY / 2
    await first.host.publisher.keepUp()
    assert.deepEqual(await place(first), [0, 2])
    await first.close()
    const second = await open(dir)
    assert.deepEqual(await place(second), [0, 2])
    await second.close()
    const third = await open(dir, { endpoints: ['https://host.example/'] })
    assert.deepEqual(await place(third), [2, 3])
    await third.close()
  })

  it('is published again by a store of before, which does not say where in the log it stands', async () => {
    const dir = folder()
    const first = await open(dir)
    const { manifest } = await get(first)
    await first.close()
    const store = sqliteStore(join(dir, 'host.sqlite'))
    await store.write(async (tx) => {
      const { index: _, ...record } = (await tx.get('manifest', first.did, '')) as { [field: string]: Uint8Array }
      await tx.put('manifest', first.did, '', record)
    })
    await store.close()
    const second = await open(dir)
    const next = await get(second, { seen: seenOf(manifest) })
    assert.deepEqual([String(next.manifest.prev), next.log.index], [String(manifest.root), 1])
    await second.close()
  })

  it('is numbered higher where something changed, names the one before, and costs what changed', async () => {
    const dir = folder()
    const first = await open(dir, { services: [jarService(), bell(1, 'Rings')] })
    const before = await get(first)
    await first.close()
    const second = await open(dir, { services: [jarService(), bell(2, 'Rings louder')] })
    const whole = await get(second)
    const { bytes, manifest } = await get(second, { seen: seenOf(before.manifest), have: before.manifest.blocks })
    assert.ok(manifest.seq > before.manifest.seq)
    assert.deepEqual(String(manifest.prev), String(before.manifest.root))
    assert.equal(manifest.services.get('bell')?.rev, 2)
    const changed = whole.manifest.blocks.filter(({ cid }) => !before.manifest.blocks.some((each) => each.cid.equals(cid)))
    assert.equal(changed.length, 1)
    const saved = before.manifest.blocks.filter((block) => !changed.includes(block)).reduce((sum, block) => sum + block.bytes.length, 0)
    assert.ok(whole.bytes.length - bytes.length > saved * 0.8)
    assert.deepEqual(
      (await entriesOf(second)).map(({ seq }) => seq),
      [before.manifest.seq, manifest.seq],
    )
    await second.close()
  })

  it('is signed anew before its signature ends, as the same manifest', async () => {
    const dir = folder()
    const world = await open(dir)
    const { manifest } = await get(world)
    world.now = NOW + DAY / 2 - 1
    await world.host.publisher.keepUp()
    assert.equal((await get(world)).manifest.expires, NOW + DAY)
    world.now = NOW + DAY / 2
    await world.host.publisher.keepUp()
    const later = (await get(world, { seen: seenOf(manifest) })).manifest
    assert.deepEqual([later.expires, String(later.root)], [NOW + DAY / 2 + DAY, String(manifest.root)])
    assert.equal((await entriesOf(world)).length, 1)
    // A clock that was wrong has signed it for a time that is far away.
    world.now = NOW
    await world.host.publisher.keepUp()
    assert.equal((await get(world)).manifest.expires, NOW + DAY)
    await world.close()
  })

  it('goes on above what was seen where the store was lost and the key was not', async () => {
    const dir = folder()
    const first = await open(dir)
    const { manifest } = await get(first)
    await first.close()
    for (const end of ['', '-wal', '-shm']) rmSync(join(dir, `host.sqlite${end}`), { force: true })
    const second = await open(dir, { now: () => NOW + 60, endpoints: ['https://host.example/'] })
    const { ok } = await second.call(mallory, { can: 'manifest/get', expiration: NOW + 120 })
    assert.ok(verifyManifest(ok?.manifest as Uint8Array, { host: second.did, now: NOW + 60, seen: seenOf(manifest) }).seq > manifest.seq)
    await second.close()
  })

  it('is what was said before where the disk is full, and the host starts', async () => {
    const dir = folder()
    const before = await open(dir)
    const { manifest } = await get(before)
    await before.close()
    let isFull = true
    const store = sqliteStore(join(dir, 'host.sqlite'))
    const full = new Proxy(store, {
      get: (_, name: keyof Store) =>
        name === 'write' && isFull ? () => Promise.reject(new Failure('Unavailable', 'The disk is full.')) : store[name].bind(store),
    })
    const world = await open(dir, { store: full, manifestLife: DAY - 1 })
    assert.equal((await get(world)).manifest.expires, manifest.expires)
    await assert.rejects(world.host.publisher.keepUp(), { name: 'Unavailable' })
    isFull = false
    await world.host.publisher.keepUp()
    assert.equal((await get(world)).manifest.expires, NOW + DAY - 1)
    await world.close()
  })

  it('says nothing of a service that there is not', () => assert.rejects(open(folder(), { terms: { jam: {} } }), TypeError))

  it('is published at no address and by no call where none is wanted', async () => {
    const world = await open(folder(), { manifestLife: 0 })
    await expect(world.call(alice, { can: 'manifest/get' }), 'NotFound')
    const { url } = await world.host.listen()
    assert.equal((await fetch(`${url}/.well-known/symbiosis`)).status, 404)
    await world.close()
  })

  it('is not published where no symbiont would read it', async () => {
    const far = open(folder(), { manifestLife: 31 * DAY })
    await assert.rejects(far, { name: 'TooLong' })
  })

  describe('over HTTP', () => {
    let world: World
    let url: string
    let socket: string

    before(async () => {
      const dir = folder()
      world = await open(dir)
      url = `${(await world.host.listen()).url}/.well-known/symbiosis`
      socket = (await world.host.listen({ port: false, socket: join(dir, 'host.sock') })).socket as string
    })
    after(() => world.close())

    it('is a CAR for who takes that', async () => {
      const responses = [await fetch(url, { headers: { accept: CAR_TYPE } }), await fetch(`${url}?format=car`)]
      for (const response of responses) {
        assert.equal(response.headers.get('content-type'), CAR_TYPE)
        const { seq } = verifyManifest(new Uint8Array(await response.arrayBuffer()), { host: world.did, now: NOW })
        assert.equal(seq, (await get(world)).manifest.seq)
      }
    })

    it('is DAG-JSON for all others, any web site too, on every door', async () => {
      const { manifest } = await get(world)
      for (const response of [await fetch(url), await unixGet(socket, '/.well-known/symbiosis'), await fetch(`${url}?format=dag-json`)]) {
        assert.equal(response.headers.get('content-type'), 'application/vnd.ipld.dag-json')
        assert.equal(response.headers.get('access-control-allow-origin'), '*')
        const json = (await response.json()) as { manifest: object; services: { [id: string]: object } }
        assert.equal(String(cidOf(encode(fromDagJson(json.manifest)))), String(manifest.root))
        assert.deepEqual(Object.keys(json.services), [...manifest.services.keys()])
      }
    })

    it('comes once: who has it is told so, of each representation by itself', async () => {
      const etag = (await fetch(url)).headers.get('etag') as string
      const ask = (tag: string, more: Record<string, string> = {}) => fetch(url, { headers: { 'if-none-match': tag, ...more } })
      for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const known = await ask(tag)
        assert.deepEqual([known.status, await known.text(), known.headers.get('etag')], [304, '', etag])
        assert.equal(known.headers.get('vary'), 'accept')
      }
      assert.equal((await ask('"other"')).status, 200)
      assert.equal((await ask(etag, { accept: CAR_TYPE })).status, 200)
      assert.equal((await fetch(url)).headers.get('cache-control'), 'no-cache')
    })

    it('stays the same while the log grows, which only calls tell of', async () => {
      const before = [await fetch(url), await fetch(`${url}?format=car`)]
      const { size } = await get(world)
      const lease = await world.lease(alice)
      assert.ok((await world.call(alice, { can: 'ucan/revoke', nb: { ucan: lease.ucan.cid }, attach: [lease] })).ok)
      assert.equal((await get(world)).size, size + 1)
      for (const { url: address, headers } of before)
        assert.equal((await fetch(address, { headers: { 'if-none-match': headers.get('etag') as string } })).status, 304)
    })

    it('is told in no other format', async () => assert.equal((await fetch(`${url}?format=xml`)).status, 415))

    it('comes by calls over every channel', async () => {
      for (const channel of [world.channel, httpChannel(new URL('/', url).href), unixChannel(socket)]) {
        const call = await world.invocation(mallory, { can: 'manifest/get' })
        const { ok } = await world.send(call, [], channel)
        assert.equal(verifyManifest(ok?.manifest as Uint8Array, { host: world.did, now: NOW }).host, world.did)
      }
    })
  })
})
