import assert from 'node:assert/strict'
import type { Host } from '@symbiosis/host'
import { cidOf, decode, encode } from '@symbiosis/protocol'
import { encodeManifest, type ManifestRoot, type SignedManifest, signManifest } from '@symbiosis/protocol/manifest'
import type { Entry } from '@symbiosis/protocol/revocation'
import { memoryFilters, memoryWallet, type Symbiont, type Wallet } from '@symbiosis/symbiont'
import type { CID } from 'multiformats/cid'
import { openIdentity } from '../../host/identity.ts'
import { type Addition, RevocationLog } from '../../host/log/revocation-log.ts'
import { sqliteStore } from '../../host/store/sqlite.ts'
import type { Store } from '../../host/store/store.ts'
import { refused, World } from '../symbiont/world.ts'
import { type Lie, lyingDoor } from './lying-door.ts'

/** What a symbiont is told by a host that has its keys, and would have it see other manifests, or another log, than everybody else. */
describe('a host that tells one symbiont of what it does not tell others', () => {
  const url = 'http://attic.test/'
  let world: World
  let attic: Host
  let wallet: Wallet
  let device: Symbiont
  let stores: Store[]

  beforeEach(async () => {
    world = new World()
    stores = []
    attic = await world.host('attic')
    wallet = memoryWallet()
    device = await world.symbiont(wallet)
    await device.createSpace()
    await device.pair(url)
    await device.request({ shelf: {} })
  })
  afterEach(async () => {
    await world[Symbol.asyncDispose]()
    for (const store of stores) await store.close()
  })

  const lieAbout = (lies: { [can: string]: Lie }) => world.place(url, { door: lyingDoor(attic, lies), did: attic.did, name: 'attic' })

  /** Another log of the same host, by the same key. */
  const forkOf = async (...entries: Entry[]): Promise<RevocationLog> => {
    const store = sqliteStore(`${world.folder()}/other.sqlite`)
    stores.push(store)
    const log = await RevocationLog.open(openIdentity(attic.dir), store)
    await store.write((tx) =>
      log.append(
        tx,
        entries.map((entry) => ({ entry }) as Addition),
      ),
    )
    return log
  }
  const forking = (fork: RevocationLog, index: number, said: object = {}): { [can: string]: Lie } => ({
    'manifest/get': async () => ({ ...said, log: await fork.logged(index) }),
    'log/consistency': (_, { from, size }: { from: number; size: number }) => fork.consistency(from, size),
  })

  const current = () => attic.publisher.current()
  const numbered = ({ root }: Pick<SignedManifest, 'root'>) => ({ seq: (decode(root.bytes) as unknown as ManifestRoot).seq })
  const entryOf = (manifest: SignedManifest): Entry => ({ kind: 'manifest', ...numbered(manifest), root: manifest.root.cid })
  const filler = (): Entry => ({ kind: 'filter', size: 0, now: world.time, bits: 0, root: current().root.cid })

  /** With the number of the one that there is. */
  const twin = async (): Promise<SignedManifest> => {
    const { root, services } = current()
    const bytes = encode({ ...(decode(root.bytes) as object), endpoints: ['https://elsewhere.example/'] })
    const other = { cid: cidOf(bytes) as CID, bytes }
    const signature = await signManifest(openIdentity(attic.dir).signer, {
      root: other,
      ...numbered({ root: other }),
      expiration: world.time + 3600,
    })
    return { signature, root: other, services }
  }

  it('leaves out that the log has it', async () => {
    lieAbout({ 'manifest/get': () => ({ log: undefined }) })
    for (const ask of [() => device.manifest(), () => device.dynamic('shelf')]) {
      const { name, field } = await refused(ask)
      assert.deepEqual([name, field], ['Unsupported', 'log'])
    }
    assert.equal(device.hosts()[0]?.manifest, undefined)
  })

  it('shows it in a log that does not continue the one that it showed before, to another process, too', async () => {
    const { seq } = await device.manifest()
    lieAbout(forking(await forkOf(filler(), entryOf(current()), filler()), 1))
    for (const each of [device, await world.symbiont(wallet)]) {
      const { name, field } = await refused(() => each.manifest())
      assert.deepEqual([name, field], ['BadSignature', 'checkpoint'])
    }
    lieAbout({})
    await device.revoke((await device.delegate(device.agent, ['shelf'])).cid)
    assert.equal((await device.manifest()).seq, seq)
  })

  it('shows it in a log that is shorter than the one that it showed before', async () => {
    let old: object | undefined
    lieAbout({
      'manifest/get': (truth: object) => {
        old ??= truth
        return {}
      },
    })
    await device.manifest()
    await device.revoke((await device.delegate(device.agent, ['shelf'])).cid)
    await device.manifest()
    lieAbout({ 'manifest/get': () => old })
    const { name, field } = await refused(() => device.manifest())
    assert.deepEqual([name, field], ['BadSignature', 'checkpoint'])
  })

  it('shows it in another log than its filter of what is revoked', async () => {
    const filters = memoryFilters()
    const careful = await world.symbiont(wallet, { filters })
    for (const { error } of await careful.refreshFilters()) assert.equal(error, undefined)
    lieAbout(forking(await forkOf(filler(), filler(), entryOf(current()), filler()), 2))
    const { name, field } = await refused(() => careful.manifest())
    assert.deepEqual([name, field], ['BadSignature', 'checkpoint'])
    lieAbout({})
    await careful.manifest()
  })

  it('logs two with one number, and shows one after the other', async () => {
    const other = await twin()
    const log = await forkOf(entryOf(current()), entryOf(other))
    lieAbout(forking(log, 0))
    await device.manifest()
    lieAbout(forking(log, 1, { manifest: encodeManifest(other) }))
    const { name, field } = await refused(() => device.manifest())
    assert.deepEqual([name, field], ['BadSignature', 'root'])
  })

  it('logs two with one number, and shows each to another process of one wallet at the same time', async () => {
    const other = await twin()
    const log = await forkOf(entryOf(current()), entryOf(other))
    const both = [forking(log, 0), forking(log, 1, { manifest: encodeManifest(other) })]
    const asked = Promise.withResolvers<void>()
    let count = 0
    lieAbout({
      'manifest/get': async (truth: never, nb: never) => {
        const lie = both[count++]?.['manifest/get']
        if (count === 2) asked.resolve()
        await asked.promise
        return lie?.(truth, nb)
      },
    })
    const second = await world.symbiont(wallet)
    const answers = await Promise.all([device, second].map((each) => refused(() => each.manifest()).catch(() => undefined)))
    assert.deepEqual(
      answers.flatMap((answer) => (answer ? [[answer.name, answer.field]] : [])),
      [['BadSignature', 'root']],
    )
  })
})
