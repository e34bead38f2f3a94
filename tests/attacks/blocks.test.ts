import assert from 'node:assert/strict'
import { join } from 'node:path'
import { dag } from '@symbiosis/capabilities/dag'
import openDag from '@symbiosis/capabilities/dag/host'
import { type HeliaEngine, helia } from '@symbiosis/host/helia'
import {
  type Block,
  cidOf,
  type Input,
  invoke,
  type LocalSigner,
  type Output,
  type Service,
  unwrap,
  writeCarStream,
} from '@symbiosis/protocol'
import openClips from '../clips/host.ts'
import { clips } from '../clips/index.ts'
import { alice, bob, folders, verdict, World } from '../fixtures.ts'
import { leaf, pbNode, RAW } from '../host/engine/fixtures.ts'

const WORDS = 'Remember the milk'
const ROOT = cidOf(new TextEncoder().encode(WORDS), RAW)
const NOWHERE = cidOf(new TextEncoder().encode('Nobody keeps this'), RAW)

/** All spaces share one store of blocks, in which whatever is here is found by its CID: by a service of others, and by one of ours. */
describe('blocks', () => {
  const folder = folders()
  let world: World
  let engine: HeliaEngine
  beforeEach(async () => {
    const dir = folder()
    engine = await helia({ dir: join(dir, 'engine'), listen: [] })
    const place = { dir, blocks: engine }
    world = await World.open({ dir, engine, services: [await openClips(place), await openDag(place)] })
  })
  afterEach(() => world.close())

  /** A space that calls with leases of both services. */
  const tenant = async (signer: LocalSigner, nb = {}) => {
    const proofs = [await world.lease(signer, { can: 'lease/clips/*', nb }), await world.lease(signer, { can: 'lease/dag/*' })]
    const caller = { signer, host: world.did, subject: signer.did, proofs, channel: world.channel, now: () => world.now }
    return {
      async ask<S extends Service, N extends keyof S['abilities'] & string>(
        service: S,
        name: N,
        nb: Input<S['abilities'][N]>,
        body?: ReadableStream<Uint8Array>,
      ): Promise<Output<S['abilities'][N]>> {
        return unwrap((await invoke(caller, service, name, nb, body && { body })).result)
      },
    }
  }
  type Tenant = Awaited<ReturnType<typeof tenant>>
  const push = (by: Tenant, root: Block, blocks: readonly Block[]) => {
    const each = async function* () {
      yield* blocks
    }
    return by.ask(dag, 'import', { root: root.cid }, writeCarStream([root.cid], each()))
  }
  const codeOf = (answer: Promise<unknown>) => verdict(answer.then(() => ({ ok: true })))

  it('of another space are given to nobody who knows their CID', async () => {
    const [mine, others] = [await tenant(alice), await tenant(bob)]
    await mine.ask(clips, 'keep', { words: WORDS })
    assert.equal((await mine.ask(clips, 'read', { root: ROOT })).words, WORDS)
    for (const root of [ROOT, NOWHERE]) {
      assert.equal(await codeOf(others.ask(clips, 'read', { root })), 'NotFound')
      assert.equal(await codeOf(others.ask(dag, 'export', { root })), 'NotFound')
    }
    // Nor by naming it to be dropped, which leaves it where it is kept.
    await others.ask(clips, 'drop', { root: ROOT })
    assert.equal(await codeOf(others.ask(clips, 'read', { root: ROOT })), 'NotFound')
    assert.equal((await mine.ask(clips, 'read', { root: ROOT })).words, WORDS)
  })

  it('of another space are given to nobody who pushes what stands above them', async () => {
    const [mine, others] = [await tenant(alice), await tenant(bob)]
    const leaves = [leaf(), leaf()]
    const root = pbNode(leaves)
    assert.equal((await push(mine, root, [root, ...leaves])).complete, true)
    assert.equal((await push(others, root, [root, leaves[0] as Block])).complete, false)
    assert.equal(await codeOf(others.ask(dag, 'export', { root: root.cid })), 'NotFound')
    assert.equal(await codeOf(mine.ask(dag, 'export', { root: root.cid })), 'ok')
  })

  it('stay for one space when another lets go, and go when the last one does', async () => {
    const [mine, others] = [await tenant(alice), await tenant(bob)]
    for (const each of [mine, others]) await each.ask(clips, 'keep', { words: WORDS })
    await mine.ask(clips, 'drop', { root: ROOT })
    await world.host.collect()
    assert.equal(await codeOf(mine.ask(clips, 'read', { root: ROOT })), 'NotFound')
    assert.equal((await others.ask(clips, 'read', { root: ROOT })).words, WORDS)
    await others.ask(clips, 'drop', { root: ROOT })
    assert.equal((await world.host.collect()).removed, 1)
    assert.equal(engine.stats().blocks, 0)
  })

  it('fill no disk for who has no room', async () => {
    const full = await tenant(alice, { bytes: WORDS.length - 1 })
    assert.equal(await codeOf(full.ask(clips, 'keep', { words: WORDS })), 'LimitExceeded')
    assert.equal(engine.stats().blocks, 0)
  })
})
