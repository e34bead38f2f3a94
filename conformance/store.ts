import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { extname, join } from 'node:path'
import type { Store } from '@symbiosis/host'
import { Failure, type Value } from '@symbiosis/protocol'
import { folders, type Runner } from './runner.ts'

/** A kind of store under test. */
export interface StoreSetup {
  /** The module that exports this as `setup`: child processes import it. */
  module: string
  /** Opens what is at `where`, a folder that the suite made; the same again finds what was kept. */
  open(where: string): Store
  /** Opens one whose disk is nearly full. */
  openFull(where: string): { store: Store; makeRoom(): void }
}

/** What every store does. Run it on yours: `runStoreTests(runner, 'PostgreSQL', setup)`. */
export const runStoreTests = (runner: Runner, name: string, { module, open, openFull }: StoreSetup): void => {
  const { describe, it, beforeEach, afterEach } = runner
  describe(`a store: ${name}`, () => {
    const folder = folders(runner)
    let where: string
    let store: Store
    beforeEach(() => {
      where = folder()
      store = open(where)
    })
    afterEach(() => store.close())

    const put = (key: string, value: Value = key, options?: { expires?: number }, space = 'space') =>
      store.write((tx) => tx.put('kind', space, key, value, options))
    const keys = async (range?: Parameters<Store['list']>[2]) => (await store.list('kind', 'space', range)).map(({ key }) => key)
    const every = async (kind: string, prefix?: string) => {
      const found: string[] = []
      for await (const { space, key } of store.every(kind, prefix)) found.push(`${key}@${space}`)
      return found
    }

    it('keeps every kind of value', async () => {
      const value = {
        text: 'ü',
        number: -5,
        half: 1.5,
        yes: true,
        none: null,
        bytes: Uint8Array.of(1, 2),
        list: [1, [2]],
        map: { a: { b: 1 } },
      }
      await put('value', value)
      assert.deepEqual(await store.get('kind', 'space', 'value'), value)
      assert.equal(await store.get('kind', 'space', 'other'), undefined)
      assert.equal(await store.get('kind', 'other', 'value'), undefined)
      assert.equal(await store.get('other', 'space', 'value'), undefined)
    })

    it('writes over, and takes away', async () => {
      await put('key', 1)
      await put('key', 2)
      assert.equal(await store.get('kind', 'space', 'key'), 2)
      await store.write((tx) => tx.delete('kind', 'space', 'key'))
      assert.equal(await store.get('kind', 'space', 'key'), undefined)
      await store.write((tx) => tx.delete('kind', 'space', 'key'))
    })

    it('keeps texts apart that look alike', async () => {
      const alike = ['a', 'A', 'a ', ' a', 'ä', 'a\u0308', 'a\0', 'a\0b', '', '%', '_', "'; DROP TABLE records; --"]
      for (const key of alike) await put(key, key)
      for (const key of alike) assert.equal(await store.get('kind', 'space', key), key)
      assert.equal((await keys()).length, alike.length)
    })

    it('lists in the order of the keys, from one and up to many', async () => {
      for (const key of ['b/2', 'a', 'b/10', 'b', 'c', 'b/1', 'b0']) await put(key)
      assert.deepEqual(await keys(), ['a', 'b', 'b/1', 'b/10', 'b/2', 'b0', 'c'])
      assert.deepEqual(await keys({ prefix: 'b/' }), ['b/1', 'b/10', 'b/2'])
      assert.deepEqual(await keys({ prefix: 'b/', after: 'b/1' }), ['b/10', 'b/2'])
      assert.deepEqual(await keys({ prefix: 'b/', after: 'b/1', limit: 1 }), ['b/10'])
      assert.deepEqual(await keys({ limit: 2 }), ['a', 'b'])
      assert.deepEqual(await keys({ prefix: 'x' }), [])
    })

    it('lists all that begins with a prefix, up to the last of characters', async () => {
      const last = '\u{10ffff}'
      const all = ['p', 'p/', `p/${last}`, `p/${last}${last}a`, 'p0', 'q\ud7ff', 'q\ud7ffx', 'q\ue000', last, `${last}a`, `${last}${last}`]
      for (const key of all) await put(key)
      for (const prefix of ['', 'p', 'p/', 'q\ud7ff', last, `p/${last}`]) {
        const found = all.filter((key) => key.startsWith(prefix))
        assert.deepEqual(await keys({ prefix }), found)
        assert.deepEqual(
          await every('kind', prefix),
          found.map((key) => `${key}@space`),
        )
      }
    })

    it('goes through every space, in the order of the keys, over many pages', async () => {
      await store.write(async (tx) => {
        for (let number = 0; number < 1500; number++) await tx.put('many', `space${number % 3}`, String(number).padStart(5, '0'), number)
        for (const space of ['x', 'y', 'z']) await tx.put('shared', space, 'key', space)
        await tx.put('other', 'x', 'key', 1)
      })
      const found = await every('many')
      assert.equal(found.length, 1500)
      assert.deepEqual(found, [...found].sort())
      assert.deepEqual(await every('shared'), ['key@x', 'key@y', 'key@z'])
      assert.deepEqual(
        await every('many', '0000'),
        Array.from({ length: 10 }, (_, at) => `0000${at}@space${at % 3}`),
      )
    })

    it('may be written to while it goes through', async () => {
      await store.write(async (tx) => {
        for (let number = 0; number < 1100; number++) await tx.put('many', 'space', String(number).padStart(5, '0'), number)
      })
      let seen = 0
      for await (const { space, key } of store.every('many')) {
        seen++
        if (seen % 100 === 0) await store.write((tx) => tx.delete('many', space, key))
      }
      assert.equal(seen, 1100)
      assert.equal((await every('many')).length, 1100 - 11)
    })

    it('undoes all of a change that throws, and nothing of the ones beside it', async () => {
      const broken = new Error('broken')
      const outcomes = await Promise.allSettled(
        Array.from({ length: 50 }, (_, number) =>
          store.write(async (tx) => {
            await tx.put('kind', 'space', `first${number}`, number)
            if (number % 5 === 0) throw broken
            await tx.put('kind', 'space', `second${number}`, number)
            return number
          }),
        ),
      )
      for (const [number, outcome] of outcomes.entries()) {
        const fails = number % 5 === 0
        assert.equal(outcome.status, fails ? 'rejected' : 'fulfilled')
        if (outcome.status === 'rejected') assert.equal(outcome.reason, broken)
        else assert.equal(outcome.value, number)
        assert.equal(await store.get('kind', 'space', `first${number}`), fails ? undefined : number)
        assert.equal(await store.get('kind', 'space', `second${number}`), fails ? undefined : number)
      }
    })

    it('shows a change what it wrote itself, and nobody else before it is kept', async () => {
      await put('key', 'before')
      await store.write(async (tx) => {
        await tx.put('kind', 'space', 'key', 'after')
        await tx.put('kind', 'space', 'new', 'new')
        assert.equal(await tx.get('kind', 'space', 'key'), 'after')
        assert.deepEqual(
          (await tx.list('kind', 'space')).map(({ key }) => key),
          ['key', 'new'],
        )
        assert.equal(await store.get('kind', 'space', 'key'), 'before')
      })
      assert.equal(await store.get('kind', 'space', 'key'), 'after')
    })

    it('runs changes one by one: none is lost, none reads what another is about to write', async () => {
      await put('count', 0)
      const add = () =>
        store.write(async (tx) => {
          const count = (await tx.get('kind', 'space', 'count')) as number
          await tx.put('kind', 'space', 'count', count + 1)
          return count
        })
      const seen = await Promise.all(Array.from({ length: 1000 }, add))
      assert.equal(await store.get('kind', 'space', 'count'), 1000)
      assert.equal(new Set(seen).size, 1000)
    })

    it('has what it acknowledged read at once', async () => {
      for (let number = 0; number < 100; number++) {
        await put('key', number)
        assert.equal(await store.get('kind', 'space', 'key'), number)
      }
    })

    it('lets go of what has expired, and of nothing else', async () => {
      await put('ends', 1, { expires: 100 })
      await put('later', 1, { expires: 101 })
      await put('never')
      await put('prolonged', 1, { expires: 50 })
      await put('prolonged', 1)
      assert.equal(await store.expire(100), 0)
      assert.equal(await store.expire(101), 1)
      assert.deepEqual(await keys(), ['later', 'never', 'prolonged'])
    })

    it('lets go of many a little at a time: others write meanwhile, and it can be stopped', async () => {
      const many = 3000
      await store.write(async (tx) => {
        for (let number = 0; number < many; number++) await tx.put('kind', 'space', `key${number}`, number, { expires: 100 })
      })
      const stopping = new AbortController()
      let gone = 0
      const going = store.expire(101, stopping.signal).then((count) => {
        gone = count
      })
      await put('between')
      assert.equal(gone, 0, 'it was written before all had gone')
      stopping.abort()
      await going
      assert.ok(gone > 0 && gone < many, `${gone}`)
      assert.equal(await store.expire(101), many - gone)
      assert.deepEqual(await keys(), ['between'])
    })

    it('finds everything again when it is opened anew', async () => {
      await put('key', { kept: true }, { expires: 1000 })
      await store.close()
      store = open(where)
      assert.deepEqual(await store.get('kind', 'space', 'key'), { kept: true })
      await put('more')
    })

    it('closes after the writes under way, and takes none thereafter', async () => {
      const under = Array.from({ length: 50 }, (_, number) => put(`key${number}`))
      await store.close()
      await Promise.all(under)
      await assert.rejects(put('late'), (error) => error instanceof Failure && error.name === 'Unavailable')
      store = open(where)
      assert.equal((await keys()).length, 50)
    })

    it('says Unavailable on a full disk, keeps nothing of what it refused, and goes on when there is room', async () => {
      await store.close()
      const full = openFull(where)
      store = full.store
      const acknowledged: string[] = []
      const refused: string[] = []
      for (let number = 0; refused.length < 5 && number < 500; number++) {
        const key = `large${String(number).padStart(4, '0')}`
        const twin = (space: string) => (tx: Parameters<Parameters<Store['write']>[0]>[0]) => tx.put('kind', space, key, 'x'.repeat(3000))
        try {
          await store.write(async (tx) => {
            await tx.put('kind', 'space', `${key}-`, 1)
            await twin('space')(tx)
          })
          acknowledged.push(key, `${key}-`)
        } catch (error) {
          assert.ok(error instanceof Failure, String(error))
          assert.equal(error.name, 'Unavailable', error.message)
          refused.push(key)
        }
      }
      assert.equal(refused.length, 5, 'the disk was not full')
      assert.deepEqual(await keys(), acknowledged.sort())
      full.makeRoom()
      await put('room')
      assert.equal(await store.get('kind', 'space', 'room'), 'room')
      await store.close()
      store = open(where)
      assert.deepEqual(await keys(), [...acknowledged, 'room'].sort())
    })

    it('loses nothing that it acknowledged to kill -9', async () => {
      await store.close()
      const acknowledged: string[] = []
      for (let round = 0; round < 10; round++) {
        acknowledged.push(...(await killedWriter(module, where, round, 100 + Math.random() * 300)))
        store = open(where)
        const [kept, twins] = await Promise.all([store.list('kept', 'space'), store.list('twin', 'space')])
        const found = new Set(kept.map(({ key }) => key))
        assert.deepEqual(
          acknowledged.filter((key) => !found.has(key)),
          [],
        )
        assert.deepEqual(
          twins.map(({ key }) => key),
          kept.map(({ key }) => key),
          'half of a change was kept',
        )
        await store.close()
      }
      store = open(where)
      assert.ok(acknowledged.length > 100, `only ${acknowledged.length} records were written`)
    })
  })
}

/** Beside this file, in the language that this file is in. */
const CHILD = join(import.meta.dirname, `store-child${extname(import.meta.filename)}`)

/** What a child process said was kept before it was killed. */
const killedWriter = (module: string, where: string, round: number, after: number): Promise<string[]> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, module, where, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), after))
    child.stdout.on('data', (data) => {
      output += data
    })
    child.on('error', reject)
    // What follows the last line break may be half a name.
    child.on('close', () =>
      resolve(
        output
          .slice(0, output.lastIndexOf('\n') + 1)
          .split('\n')
          .filter(Boolean),
      ),
    )
  })
