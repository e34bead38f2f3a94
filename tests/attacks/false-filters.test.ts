import assert from 'node:assert/strict'
import type { Host } from '@symbiosis/host'
import {
  buildFilter,
  decodeEntry,
  encodeFilterHead,
  encodeShard,
  type FilterEntry,
  filterRoot,
  type LoggedFilter,
  log as logService,
} from '@symbiosis/protocol/revocation'
import { memoryWallet, type Symbiont } from '@symbiosis/symbiont'
import { openIdentity } from '../../host/identity.ts'
import { RevocationLog } from '../../host/log/revocation-log.ts'
import { sqliteStore } from '../../host/store/sqlite.ts'
import { World } from '../symbiont/world.ts'
import { lyingDoor } from './lying-door.ts'

type Shard = { bytes: Uint8Array; proof: Uint8Array[] }
type Change<T> = (truth: T) => Partial<T> | undefined | Promise<Partial<T>>
interface Lie {
  filter?: Change<LoggedFilter>
  shard?: Change<Shard>
}

const bent = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))

describe('a host that lies about what is revoked', () => {
  let world: World
  let attic: Host
  let cellar: Host
  let device: Symbiont
  const url = 'http://attic.test/'

  beforeEach(async () => {
    world = new World()
    ;[attic, cellar] = [await world.host('attic'), await world.host('cellar')]
    device = await world.owner('attic', 'cellar')
    for (const { error } of await device.refreshFilters()) assert.equal(error, undefined)
    await device.revoke((await device.delegate(device.agent, ['shelf'])).cid)
    world.time += 3600
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const askedOf = async (host: Host, lie: Lie) => {
    const door = lyingDoor(host, { 'log/filter': lie.filter, 'log/shard': lie.shard })
    world.place(url, { door, did: host.did, name: 'attic' })
    const refreshed = await device.refreshFilters()
    return refreshed.find(({ host: did }) => did === host.did)
  }

  /** The lie is refused, and what was held before stays. */
  const refuses = async (lie: Lie, code: string, details: { [name: string]: unknown } = {}) => {
    const before = (await device.verify((await device.delegate(device.agent, ['shelf'])).token)).revocation.checked
    const refreshed = await askedOf(attic, lie)
    assert.equal(refreshed?.error?.name, code, refreshed?.error?.message)
    for (const [name, value] of Object.entries(details)) assert.equal(refreshed?.error?.[name], value, name)
    const held = before.find(({ host }) => host === attic.did)
    assert.deepEqual([refreshed?.filter?.size, refreshed?.filter?.time], [held?.size, held?.time])
  }

  /** A filter, whatever it claims, that the host's log has. */
  const logged = async (entry: Partial<FilterEntry>, head?: Uint8Array): Promise<LoggedFilter> => {
    const store = sqliteStore(`${world.folder()}/other.sqlite`)
    try {
      const log = await RevocationLog.open(openIdentity(attic.dir), store)
      const { bits, root, head: honest } = buildFilter([], { size: 0, now: world.time, log: new Uint8Array(32) })
      const claim: FilterEntry = { kind: 'filter', size: 0, now: world.time, bits, root, ...entry }
      const filler: FilterEntry = { ...claim, size: 0 }
      // Behind others, so that it isn't older than what is held.
      const claims = [...Array.from({ length: 9 }, () => filler), claim]
      await store.write((tx) =>
        log.append(
          tx,
          claims.map((each) => ({ entry: each })),
        ),
      )
      return { ...(await log.logged(9)), head: head ?? encodeFilterHead(honest) }
    } finally {
      await store.close()
    }
  }

  it('is heard where it tells the truth', async () => {
    const refreshed = await askedOf(attic, { filter: () => ({}), shard: () => ({}) })
    assert.deepEqual([refreshed?.error, refreshed?.filter?.time], [undefined, world.time])
  })

  it('is refused a filter of another log', async () => {
    const [other] = (await device.refreshFilters()).filter(({ host }) => host === cellar.did)
    assert.equal(other?.error, undefined)
    const answer = await callFilter(cellar, device)
    await refuses({ filter: () => answer }, 'BadSignature')
    await refuses({ filter: ({ key }) => ({ ...answer, key }) }, 'BadSignature')
  })

  it('is refused a filter that nobody signed', async () => {
    const unsigned = (checkpoint: string) => checkpoint.slice(0, checkpoint.indexOf('\n\n') + 2)
    const other = (checkpoint: string) => checkpoint.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`)
    await refuses({ filter: ({ checkpoint }) => ({ checkpoint: unsigned(checkpoint) }) }, 'Malformed')
    await refuses({ filter: ({ checkpoint }) => ({ checkpoint: other(checkpoint) }) }, 'BadSignature')
  })

  it('is refused a filter that its log has not', async () => {
    await refuses({ filter: ({ entry }) => ({ entry: bent(entry, 6) }) }, 'BadSignature', { field: 'proof' })
    await refuses({ filter: ({ proof }) => ({ proof: proof.map((hash) => bent(hash, 0)) }) }, 'BadSignature', { field: 'proof' })
  })

  it('is refused another entry for a filter', async () => {
    const store = sqliteStore(`${world.folder()}/other.sqlite`)
    const log = await RevocationLog.open(openIdentity(attic.dir), store)
    const entry = { kind: 'revocation', ucan: filterRoot(HEAD), by: attic.did, expiration: null, cause: filterRoot(HEAD) } as const
    await store.write((tx) => log.append(tx, [{ entry, evidence: new Uint8Array() }]))
    const answer = { ...(await log.logged(0)), head: encodeFilterHead(HEAD) }
    await store.close()
    await refuses({ filter: () => answer }, 'BadSignature', { field: 'entry' })
  })

  it('is refused a head that the entry does not link to', async () => {
    await refuses({ filter: () => ({ head: encodeFilterHead(HEAD) }) }, 'BadSignature', { field: 'head' })
  })

  it('is refused a filter of more entries than stand before it', async () => {
    await refuses({ filter: () => logged({ size: 10 }) }, 'BadSignature', { field: 'size' })
  })

  it('is refused an older filter than it gave before', async () => {
    const [, old] = [await askedOf(attic, {}), await callFilter(attic, device)]
    await device.revoke((await device.delegate(device.agent, ['shelf'])).cid)
    world.time += 3600
    assert.equal((await askedOf(attic, {}))?.error, undefined)
    await refuses({ filter: () => old }, 'StaleLog', { field: 'size' })
    const { size, now } = decodeEntry((await callFilter(attic, device)).entry) as FilterEntry
    await refuses({ filter: () => logged({ size: Math.min(size, 9), now: now + 1 }) }, 'StaleLog', { field: 'size' })
  })

  it('is refused a log that forks from the one it showed before', async () => {
    for (let count = 0; count < 10; count++) await device.revoke((await device.delegate(device.agent, ['shelf'])).cid)
    await refuses({ filter: () => logged({ size: 9 }) }, 'BadSignature', { field: 'checkpoint' })
    for (let count = 0; count < 2; count++) {
      world.time += 3600
      assert.deepEqual([(await askedOf(attic, {}))?.error, (await askedOf(attic, {}))?.filter?.time], [undefined, world.time])
    }
  })

  it('is refused a filter of a time to come', async () => {
    const late = (seconds: number) => world.symbiont(memoryWallet(), { now: () => world.time - seconds })
    for (const [seconds, code] of [
      [60, undefined],
      [61, 'TooEarly'],
    ] as const) {
      const other = await late(seconds)
      await other.pair(url)
      const [{ filter, error } = {}] = await other.refreshFilters()
      assert.deepEqual([error?.name, filter === undefined], [code, code !== undefined], `${seconds} seconds`)
    }
  })

  it('is refused a shard of another filter, and one that it keeps back', async () => {
    await refuses({ shard: ({ bytes }) => ({ bytes: bent(bytes, bytes.length - 1) }) }, 'BadSignature', { field: 'shard' })
    await refuses({ shard: () => ({ bytes: encodeShard(new Uint32Array()) }) }, 'BadSignature', { field: 'shard' })
    await refuses({ shard: ({ bytes }) => ({ bytes, proof: [bytes.slice(0, 0)] }) }, 'Malformed')
    await refuses({ shard: () => undefined }, 'NotFound')
  })

  it('is refused what is no answer', async () => {
    await refuses({ filter: () => ({ index: 'one' as never }) }, 'Malformed', { field: 'index' })
    await refuses({ shard: () => ({ bytes: 'one' as never }) }, 'Malformed', { field: 'bytes' })
  })
})

const HEAD = { log: new Uint8Array(32).fill(1), shards: new Uint8Array(32).fill(2) }

/** What a host says of its filter. */
const callFilter = async (host: Host, device: Symbiont): Promise<LoggedFilter> => {
  const { result } = await device.call(logService, 'filter', {}, { host: host.did })
  assert.ok(result.ok)
  return result.ok
}
