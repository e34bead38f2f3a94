import assert from 'node:assert/strict'
import { type Runner, runServiceTests, type ServiceSetup } from '@symbiosis/conformance'
import {
  ability,
  type Charge,
  type Context,
  cidOf,
  Failure,
  type Handlers,
  limit,
  list,
  type Provided,
  provide,
  type ServicePlace,
  service,
  struct,
  text,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import openClips from '../clips/host.ts'
import { RAW } from '../host/engine/fixtures.ts'

type Test = () => void | Promise<void>

/** Runs a suite, or one of its tests, and tells which of them fail. */
const failing = async (setup: ServiceSetup, only?: string): Promise<string[]> => {
  const tests: [string, Test][] = []
  const hooks: { [kind: string]: Test[] } = { before: [], after: [], beforeEach: [], afterEach: [] }
  const hook = (kind: string) => (each: Test) => hooks[kind]?.push(each)
  const runner: Runner = {
    describe: (_, body) => body(),
    it: (name, test) => tests.push([name, test]),
    before: hook('before'),
    after: hook('after'),
    beforeEach: hook('beforeEach'),
    afterEach: hook('afterEach'),
  }
  runServiceTests(runner, 'wrong', setup)
  const run = async (kind: string) => {
    for (const each of hooks[kind] ?? []) await each()
  }
  const failed: string[] = []
  await run('before')
  assert.ok(!only || tests.some(([name]) => name === only), `the suite has no test "${only}"`)
  for (const [name, test] of tests.filter(([name]) => !only || name === only)) {
    await run('beforeEach')
    try {
      await test()
    } catch {
      failed.push(name)
    }
    await run('afterEach')
  }
  await run('after')
  return failed
}

const shelf = service('shelf', {
  rev: 1,
  about: 'Keeps things',
  limits: { things: limit.max('things kept', { default: 10 }) },
  abilities: {
    take: ability({ about: 'Gives a thing up', effect: 'idempotent', nb: struct({ thing: text() }), ok: struct({}) }),
    put: ability({ about: 'Keeps a thing', effect: 'idempotent', nb: struct({ thing: text() }), ok: struct({}) }),
    list: ability({ about: 'Lists things', effect: 'read', nb: struct({}), ok: struct({ things: list(text()) }) }),
  },
})

const right: Handlers<typeof shelf> = {
  put: ({ thing }, { commit }) =>
    commit(async (tx) => {
      if (await tx.get(thing)) return {}
      await tx.put(thing, await tx.reserve({ things: 1 }))
      return {}
    }),
  take: ({ thing }, { commit }) =>
    commit(async (tx) => {
      const charge = (await tx.get(thing)) as Charge | undefined
      if (charge) await tx.adjust(charge, {})
      await tx.delete(thing)
      return {}
    }),
  list: async (_, { list: records }) => ({ things: (await records()).map(({ key }) => key) }),
}

const samples: ServiceSetup['samples'] = [
  { ability: 'put', nb: { thing: 'fork' }, uses: { things: 1 } },
  { ability: 'take', nb: { thing: 'fork' }, uses: { things: -1 } },
  { ability: 'put', nb: { thing: 'spoon' }, uses: { things: 1 } },
  { ability: 'list' },
]
const setup = (over: Partial<Handlers<typeof shelf>>): ServiceSetup => ({ open: () => provide(shelf, { ...right, ...over }), samples })

/** The service of `tests/clips` with other handlers. */
const clips = (over: (place: ServicePlace, handlers: Provided['handlers']) => Provided['handlers']): ServiceSetup => ({
  async open(place) {
    const provided = await openClips(place)
    return { ...provided, handlers: { ...provided.handlers, ...over(place, provided.handlers) } }
  },
  samples: [
    { ability: 'keep', nb: { words: 'milk' }, uses: { bytes: 4 } },
    { ability: 'drop', nb: { root: cidOf(new TextEncoder().encode('tea'), RAW) } },
    { ability: 'read', nb: { root: cidOf(new TextEncoder().encode('milk'), RAW) } },
  ],
})

const WRONG: Readonly<Record<string, [() => ServiceSetup, string]>> = {
  'shows one space what is of another': [
    () => {
      const all: string[] = []
      return setup({
        put: ({ thing }, context) => {
          all.push(thing)
          return right.put({ thing }, context) as never
        },
        list: () => ({ things: [...all] }),
      })
    },
    'answers a second space as it answered the first',
  ],
  'counts nothing': [
    () =>
      setup({
        put: ({ thing }, { commit }) =>
          commit(async (tx) => {
            await tx.put(thing, true)
            return {}
          }),
      }),
    'holds to the limits of a lease, to the last unit',
  ],
  'counts a thing each time': [
    () =>
      setup({
        put: ({ thing }, { commit }) =>
          commit(async (tx) => {
            await tx.reserve({ things: 1 })
            await tx.put(thing, true)
            return {}
          }),
      }),
    'does an idempotent call twice for the price of one',
  ],
  'gives nothing back': [
    () =>
      setup({
        take: ({ thing }, { commit }) =>
          commit(async (tx) => {
            await tx.delete(thing)
            return {}
          }),
      }),
    'gives back what is no longer held',
  ],
  'forgets at the end of its process': [
    () => ({
      samples,
      open() {
        const kept = new Map<string, string[]>()
        return provide(shelf, {
          ...right,
          put: ({ thing }, context) => {
            kept.set(context.space, [...new Set([...(kept.get(context.space) ?? []), thing])])
            return right.put({ thing }, context) as never
          },
          list: (_, { space }) => ({ things: kept.get(space) ?? [] }),
        })
      },
    }),
    'finds everything again after a restart',
  ],
  'gives a block to who knows its CID': [
    () =>
      clips(({ blocks }) => ({
        async read({ root }: { root: CID }) {
          for await (const { bytes } of blocks.walk(root)) return { words: new TextDecoder().decode(bytes) }
        },
      })),
    'tells a space nothing of what others keep',
  ],
  'lets its blocks be collected': [
    () =>
      clips(({ blocks }, { keep }) => ({
        async keep({ words }: { words: string }, { commit, ...context }: Context) {
          const unheld: Context['commit'] = (change) => commit((tx) => change({ ...tx, hold: async () => {} }))
          return keep?.({ words } as never, { ...context, commit: unheld } as never)
        },
        async read({ root }: { root: CID }, { get }: Context) {
          if (await get(String(root))) for await (const { bytes } of blocks.walk(root)) return { words: new TextDecoder().decode(bytes) }
          throw new Failure('NotFound', 'This space keeps no such text.')
        },
      })),
    'keeps everything when garbage is collected',
  ],
  'answers otherwise than its contract says': [
    () => setup({ list: () => ({ things: 'none' as never }) }),
    'answers its samples as its contract says',
  ],
  'shows too little of itself': [
    () => ({ ...setup({}), samples: samples.slice(0, 1) }),
    'has a sample of each of its abilities and declared errors',
  ],
  'has nothing to say to an owner': [
    () => ({ ...setup({}), open: () => provide({ ...shelf, about: ' ' }, right) }),
    'has a contract of plain data, with a sentence for each thing that an owner is asked',
  ],
}

describe('a service that is wrong', () => {
  it('is told from one that is right', async () => {
    assert.deepEqual(await failing(setup({})), [])
    assert.deepEqual(await failing(clips(() => ({}))), [])
  })

  for (const [what, [wrong, test]] of Object.entries(WRONG)) {
    it(`is found: it ${what}`, async () => {
      assert.deepEqual(await failing(wrong(), test), [test])
    })
  }
})
