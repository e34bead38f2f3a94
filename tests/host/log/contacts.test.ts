import assert from 'node:assert/strict'
import { join } from 'node:path'
import { homeLogsFact } from '@symbiosis/protocol'
import { Contacts } from '../../../host/log/contacts.ts'
import { sqliteStore } from '../../../host/store/sqlite.ts'
import { alice, bob, expect, folders, given, HOUR, NOW, phone, type World } from '../../fixtures.ts'
import { Network, revokeAt } from './network.ts'

describe('contacts with logs', () => {
  const folder = folders()
  /** A clock that may be set, and one that only moves forward. */
  let [now, elapsed] = [NOW, 0]
  const pass = (seconds: number) => {
    now += seconds
    elapsed += seconds
  }
  const open = (store: ReturnType<typeof sqliteStore>) =>
    Contacts.open(
      store,
      () => now,
      () => elapsed,
    )

  beforeEach(() => {
    now = NOW
    elapsed = 0
  })

  it('grow older while a clock is set back', async () => {
    const store = sqliteStore(join(folder(), 'host.sqlite'))
    const contacts = await open(store)
    await contacts.seen(bob.did, contacts.begin())
    pass(1800)
    assert.equal(contacts.of(bob.did), NOW)
    now -= 1800
    assert.equal(contacts.of(bob.did), NOW - 1800)
    await store.close()
  })

  it('of an earlier life, too', async () => {
    const store = sqliteStore(join(folder(), 'host.sqlite'))
    const before = await open(store)
    await before.seen(bob.did, before.begin())
    pass(600)
    elapsed = 12
    const contacts = await open(store)
    assert.equal(contacts.of(bob.did), NOW)
    pass(1800)
    now -= 1800
    assert.equal(contacts.of(bob.did), NOW - 1800)
    await store.close()
  })

  it('are written rarely, and lag behind by no more than a minute', async () => {
    const store = sqliteStore(join(folder(), 'host.sqlite'))
    const contacts = await open(store)
    for (const seconds of [0, 59, 1]) {
      pass(seconds)
      await contacts.seen(bob.did, contacts.begin())
      assert.equal(contacts.of(bob.did), now)
      assert.equal((await open(store)).of(bob.did), seconds === 59 ? NOW : now)
    }
    await store.close()
  })

  it('are as old as the question, not as its answer', async () => {
    const network = new Network()
    const [a, c] = [await network.open('a', { dir: folder() }), await network.open('c', { dir: folder() })]
    const lost = await given(alice, phone, alice.did, { expiration: null, facts: [homeLogsFact([{ did: a.did, url: 'http://a/' }])] })
    let once = async () => {}
    const b: World = await network.open('b', {
      dir: folder(),
      followNamed: 'any',
      following: {
        reachNamed: (url) => {
          const { channel, about } = network.reach('b', url)
          return {
            about,
            channel: {
              ...channel,
              request: async (...sent) => {
                const answer = await channel.request(...sent)
                await once()
                return answer
              },
            },
          }
        },
      },
    })
    const put = async () =>
      b.call(phone, {
        can: 'jar/put',
        nb: { thing: 'a' },
        subject: alice.did,
        proofs: [lost, await b.lease(alice, { expiration: NOW + 9 * HOUR })],
      })
    try {
      // The answer is an hour on its way, and what is revoked meanwhile isn't in it.
      once = async () => {
        once = async () => {}
        await revokeAt(a, { proof: lost })
        b.now += HOUR
      }
      await put()
      b.now += 1
      network.cut('a', 'b')
      await expect(put(), 'StaleLog')
    } finally {
      for (const world of [a, b, c]) await world.close()
    }
  })
})
