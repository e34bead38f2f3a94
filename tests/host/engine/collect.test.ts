import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Kept } from '@symbiosis/protocol'
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { BlockFolder, blockKey } from '../../../host/engine/blocks.ts'
import { Collector } from '../../../host/engine/collect.ts'
import { fetchDag } from '../../../host/engine/fetch.ts'
import { linksOf } from '../../../host/engine/links.ts'
import { walk } from '../../../host/engine/walk.ts'
import { all, type Block, cborNode, failure, file, folders, leaf, pbNode } from './fixtures.ts'

const deep = (...roots: Block[]) =>
  async function* (): AsyncGenerator<Kept> {
    for (const { cid } of roots) yield { cid, deep: true }
  }
const nothing = async function* (): AsyncGenerator<Kept> {}
const later = <T>() => {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((go) => {
    resolve = go
  })
  return { promise, resolve }
}

describe('collection', () => {
  const folder = folders()
  const open = async (): Promise<{ dir: string; store: BlockFolder; collector: Collector }> => {
    const dir = await folder()
    const store = await BlockFolder.open(dir)
    return { dir, store, collector: new Collector(store) }
  }

  it('keeps what deep and flat entries reach, removes the rest, and counts', async () => {
    const { store, collector } = await open()
    const kept = file(10, 100, 4)
    const gone = file(3, 100, 4)
    const alone = pbNode([gone.blocks.at(-1) as Block])
    await store.putAll([...kept.blocks, ...gone.blocks, alone])
    const result = await collector.collect(async function* () {
      yield* deep(kept.root)()
      yield { cid: alone.cid, deep: false }
    })
    assert.deepEqual(result, {
      kept: kept.blocks.length + 1,
      removed: gone.blocks.length,
      bytes: gone.blocks.reduce((sum, { bytes }) => sum + bytes.length, 0),
    })
    assert.equal((await all(walk(store, kept.root.cid, { maxBlocks: 100 }))).length, kept.blocks.length)
    assert.equal(store.totals.blocks, kept.blocks.length + 1)
  })

  it('marks an incomplete DAG as far as it is here', async () => {
    const { store, collector } = await open()
    const [x, y] = [leaf(), leaf()]
    const missing = pbNode([y])
    const root = pbNode([missing, x])
    await store.putAll([root, x])
    assert.equal((await collector.collect(deep(root))).removed, 0)
  })

  it('waits for a store that runs when it starts, and sees its record', async () => {
    const { store, collector } = await open()
    const block = leaf()
    const [recording, go] = [later<void>(), later<void>()]
    const kept: Block[] = []
    const storing = collector.store([block], async () => {
      recording.resolve()
      await go.promise
      kept.push(block)
    })
    await recording.promise
    const collecting = collector.collect(() => deep(...kept)())
    await setImmediate()
    go.resolve()
    await storing
    assert.equal((await collecting).removed, 0)
    assert.equal(await store.has(block.cid), true)
  })

  it('keeps what is stored after the keep-list was read, and what that adopts', async () => {
    const { store, collector } = await open()
    const orphans = file(6, 50, 2)
    await store.putAll(orphans.blocks)
    const adopter = cborNode([orphans.root.cid])
    const result = await collector.collect(async function* () {
      // Whatever is recorded from here on isn't in the list.
      await collector.store([adopter], async () => {})
    })
    assert.equal(result.removed, 0)
    assert.equal((await collector.collect(nothing)).removed, orphans.blocks.length + 1)
    assert.deepEqual(store.totals, { blocks: 0, bytes: 0 })
  })

  it('looks again at a kept block that was missing when it was marked', async () => {
    const { store, collector } = await open()
    const orphans = file(6, 50, 2)
    await store.putAll(orphans.blocks)
    const root = cborNode([orphans.root.cid])
    const result = await collector.collect(async function* () {
      yield* deep(root)()
      await collector.store([root], async () => {})
    })
    assert.equal(result.removed, 0)
  })

  it('keeps what is being written when it starts', async () => {
    const { store, collector } = await open()
    const blocks = Array.from({ length: 50 }, () => leaf())
    const putting = store.putAll(blocks)
    await setImmediate()
    assert.equal((await collector.collect(nothing)).removed, 0)
    await putting
    assert.equal(store.totals.blocks, 50)
  })

  it('keeps what a held root reaches, until it is released', async () => {
    const { store, collector } = await open()
    const { root, blocks } = file(6, 50, 2)
    await store.putAll(blocks)
    const release = collector.hold(root.cid)
    assert.equal((await collector.collect(nothing)).removed, 0)
    release()
    assert.equal((await collector.collect(nothing)).removed, blocks.length)
  })

  it('joins a second call, and goes on when only the first is aborted', async () => {
    const { store, collector } = await open()
    await store.putAll(file(100, 10).blocks)
    let reads = 0
    const keep = async function* (): AsyncGenerator<Kept> {
      reads++
      yield* nothing()
    }
    const [first, second] = await Promise.all([collector.collect(keep), collector.collect(keep)])
    assert.equal(reads, 1)
    assert.equal(first, second)

    await store.putAll(file(100, 10).blocks)
    const controller = new AbortController()
    const aborted = collector.collect(keep, controller.signal)
    const other = collector.collect(keep)
    controller.abort()
    await assert.rejects(aborted, { name: 'AbortError' })
    assert.equal((await other).removed, 101)
  })

  it('removes nothing when a kept block is damaged, as its links are unknown', async () => {
    const { dir, store, collector } = await open()
    const { root, blocks } = file(4, 50)
    await store.putAll(blocks)
    const key = blockKey(root.cid)
    await fs.writeFile(join(dir, key.slice(-2), key), 'damaged')
    await assert.rejects(collector.collect(deep(root)), failure('BadHash', { link: root.cid.toString() }))
    assert.equal(store.totals.blocks, blocks.length)
    await store.put(root.cid, root.bytes)
    assert.equal((await collector.collect(deep(root))).removed, 0)
  })

  it('never removes what is held, whatever comes between', async function () {
    this.timeout(300_000)
    const { store, collector } = await open()
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(1 << 20)), async (stream) => {
        const dice = (sides: number): number => (stream.next().value ?? 0) % sides
        await new Round(store, collector, dice).play()
      }),
      { numRuns: 300, endOnFailure: true },
    )
  })
})

/** A few random DAGs that share blocks, a few actors who import, fetch, adopt, drop and collect them, all at once. */
class Round {
  readonly #store: BlockFolder
  readonly #collector: Collector
  readonly #dice: (sides: number) => number
  readonly #blocks: Block[] = []
  readonly #byKey = new Map<string, Block>()
  /** The keep-list: what is acknowledged, with how often. */
  readonly #pins = new Map<CID, number>()
  readonly #flats = new Map<CID, number>()

  constructor(store: BlockFolder, collector: Collector, dice: (sides: number) => number) {
    this.#store = store
    this.#collector = collector
    this.#dice = dice
  }

  async play(): Promise<void> {
    const make = (block: Block): void => {
      this.#blocks.push(block)
      this.#byKey.set(blockKey(block.cid), block)
    }
    for (let n = 0; n < 6; n++) make(leaf(8))
    for (let n = 0; n < 8; n++) make(cborNode([n, ...Array.from({ length: 1 + this.#dice(3) }, () => this.#any().cid)]))
    // Left over from whatever went before: nobody's, so a collection may take them, and an actor may adopt them.
    await this.#store.putAll(this.#blocks.filter(() => this.#dice(2) === 0))
    const acts = [this.#import, this.#fetch, this.#fetchThenPin, this.#adopt, this.#collect, this.#collect]
    const actors = Array.from({ length: 5 }, async () => {
      for (let turn = 0; turn < 2; turn++) {
        await this.#pause()
        await acts[this.#dice(acts.length)]?.call(this)
      }
    })
    await Promise.all([...actors, this.#collect()])
    await this.#check()
    await this.#collector.collect(() => this.#keep())
    await this.#check()
    const reachable = new Set<string>()
    for (const cid of this.#pins.keys()) for (const { cid: below } of this.#below(cid)) reachable.add(blockKey(below))
    assert.equal(this.#store.totals.blocks, reachable.size, 'garbage is left')
    await this.#collector.collect(nothing)
  }

  #any(): Block {
    return this.#blocks[this.#dice(this.#blocks.length)] as Block
  }

  async #pause(): Promise<void> {
    for (let n = this.#dice(6); n > 0; n--) await setImmediate()
  }

  #count(counts: Map<CID, number>, { cid }: Block, by: 1 | -1): void {
    const now = (counts.get(cid) ?? 0) + by
    if (now === 0) counts.delete(cid)
    else counts.set(cid, now)
  }

  /** One state, as a transaction would give it, read slowly. */
  async *#keep(): AsyncGenerator<Kept> {
    const state = [
      ...[...this.#pins.keys()].map((cid) => ({ cid, deep: true })),
      ...[...this.#flats.keys()].map((cid) => ({ cid, deep: false })),
    ]
    for (const kept of state) {
      await this.#pause()
      yield kept
    }
  }

  #below(root: CID): Block[] {
    const found = new Map<string, Block>()
    const rest = [root]
    for (let cid = rest.pop(); cid !== undefined; cid = rest.pop()) {
      const block = this.#byKey.get(blockKey(cid)) as Block
      if (found.has(blockKey(cid))) continue
      found.set(blockKey(cid), block)
      rest.push(...linksOf(block.cid, block.bytes))
    }
    return [...found.values()]
  }

  async #check(): Promise<void> {
    for (const cid of this.#pins.keys()) await all(walk(this.#store, cid, { maxBlocks: 1000 }))
  }

  async #drop(root: Block): Promise<void> {
    await this.#pause()
    if (this.#dice(2) === 0) this.#count(this.#pins, root, -1)
  }

  /** Batches, each held by its blocks, then the root in their place. */
  async #import(): Promise<void> {
    const root = this.#any()
    const blocks = this.#below(root.cid)
    const held: Block[] = []
    for (let at = 0; at < blocks.length; ) {
      const batch = blocks.slice(at, at + 1 + this.#dice(4))
      at += batch.length
      await this.#collector.store(batch, async () => {
        await this.#pause()
        for (const block of batch) this.#count(this.#flats, block, 1)
        held.push(...batch)
      })
      await this.#pause()
    }
    for (const block of held) this.#count(this.#flats, block, -1)
    this.#count(this.#pins, root, 1)
    await this.#drop(root)
  }

  /** The pin first, then its blocks. */
  async #fetch(): Promise<void> {
    const root = this.#any()
    this.#count(this.#pins, root, 1)
    await this.#bring(root, () => {})
    await this.#drop(root)
  }

  /** The pin when nothing is pending any more. */
  async #fetchThenPin(): Promise<void> {
    const root = this.#any()
    await this.#bring(root, () => this.#count(this.#pins, root, 1))
    await this.#drop(root)
  }

  /** One new block over a DAG that is here by chance and held by the actor while it looks. */
  async #adopt(): Promise<void> {
    const below = this.#any()
    const release = this.#collector.hold(below.cid)
    try {
      await all(walk(this.#store, below.cid, { maxBlocks: 1000 }))
    } catch {
      return release()
    }
    const root = cborNode(['adopt', this.#dice(1 << 20), below.cid])
    this.#byKey.set(blockKey(root.cid), root)
    await this.#collector.store([root], async () => {
      release()
      await this.#pause()
      this.#count(this.#pins, root, 1)
    })
    await this.#drop(root)
  }

  async #collect(): Promise<void> {
    const controller = new AbortController()
    const collecting = this.#collector.collect(() => this.#keep(), controller.signal)
    if (this.#dice(4) === 0) {
      await this.#pause()
      controller.abort()
    }
    await collecting.catch((reason: unknown) => assert.ok(controller.signal.aborted, reason as Error))
  }

  async #bring(root: Block, complete: () => void): Promise<void> {
    const release = this.#collector.hold(root.cid)
    const options = {
      folder: this.#store,
      arrived: (cid: CID) => this.#collector.arrived(cid),
      signal: new AbortController().signal,
      width: 1 + this.#dice(4),
      maxBlocks: 1000,
      admit: () => this.#pause(),
      want: async (cid: CID) => {
        await this.#pause()
        const { bytes } = this.#byKey.get(blockKey(cid)) as Block
        await this.#store.put(cid, bytes)
        return bytes
      },
    }
    let done = false
    for await (const { pending } of fetchDag(root.cid, options)) {
      await this.#pause()
      if (pending === 0 && !done) {
        complete()
        done = true
      }
    }
    release()
    assert.ok(done, 'the last block has nothing pending')
  }
}
