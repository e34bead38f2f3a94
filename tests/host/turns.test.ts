import assert from 'node:assert/strict'
import { Failure } from '@symbiosis/protocol'
import { Turns } from '../../host/turns.ts'
import { DoorClock, watched } from './door-clock.ts'

describe('turns', () => {
  let clock: DoorClock
  beforeEach(() => {
    clock = new DoorClock()
  })
  afterEach(() => clock.restore())

  const guest = (spent = 0) => ({
    spent,
    spend(milliseconds: number) {
      this.spent += milliseconds
    },
  })
  const turnsOf = (over = {}) => new Turns({ share: 0.1, slice: 1, patience: 30, ...over }, clock.read)
  /** Work of one step that notes when it was done. */
  const noting = function* (order: string[], name: string, cost = 0.5) {
    clock.now += cost
    order.push(name)
    yield
  }

  it('come in the order of asking', async () => {
    const [turns, order] = [turnsOf(), [] as string[]]
    for (const name of ['a', 'b', 'c']) void turns.take(guest(), noting(order, name))
    assert.deepEqual(order, [], 'nothing is done at once')
    await clock.pass(10)
    assert.deepEqual(order, ['a', 'b', 'c'])
    assert.equal(turns.size, 0)
  })

  it('come later for who has cost something, by a second for a millisecond', async () => {
    const [turns, order] = [turnsOf(), [] as string[]]
    void turns.take(guest(2), noting(order, 'two', 0))
    void turns.take(guest(1), noting(order, 'one', 0))
    void turns.take(guest(), noting(order, 'none', 0))
    await clock.pass(5)
    assert.deepEqual(order, ['none', 'one', 'two'])
  })

  it('cost what the host worked, and not what the machine did meanwhile', async () => {
    let worked = 0
    const turns = new Turns({ share: 0.1, slice: 1, patience: 30 }, clock.read, () => worked)
    const payer = guest()
    const preempted = function* () {
      worked += 0.5
      clock.now += 400
      yield
    }
    void turns.take(payer, preempted())
    await clock.pass(5)
    assert.equal(payer.spent, 0.5)
  })

  it('are put off by half of the patience at the most: nobody is overtaken for ever', async () => {
    const [turns, order] = [turnsOf({ patience: 2 }), [] as string[]]
    void turns.take(guest(1e6), noting(order, 'much', 0))
    clock.now += 999
    void turns.take(guest(), noting(order, 'earlier than a second after', 0))
    clock.now += 1
    void turns.take(guest(0.001), noting(order, 'later', 0))
    await clock.pass(3)
    assert.deepEqual(order, ['earlier than a second after', 'much', 'later'])
  })

  it('go ahead of all others for whom they are said to, the one who has cost less first', async () => {
    const [turns, order] = [turnsOf(), [] as string[]]
    void turns.take(guest(), noting(order, 'first', 0))
    clock.now += 20_000
    void turns.take(guest(2), noting(order, 'familiar, and has cost something', 0), { ahead: true })
    void turns.take(guest(), noting(order, 'familiar', 0), { ahead: true })
    await clock.pass(3)
    assert.deepEqual(order, ['familiar', 'familiar, and has cost something', 'first'])
  })

  it('last a slice, and go on later', async () => {
    const [turns, one] = [turnsOf({ slice: 2 }), guest()]
    turns.served(clock.now)
    const answer = watched(turns.take(one, clock.work('done', 1, 1, 1)))
    await clock.pass(0)
    assert.deepEqual([answer.state, one.spent], ['waiting', 2], 'two steps fill the slice')
    await clock.pass(30)
    assert.deepEqual([answer.value, one.spent], ['done', 3])
  })

  it('leave the others their part of the time, as long as there are others', async () => {
    const turns = turnsOf({ share: 0.1 })
    turns.served(clock.now)
    const order: string[] = []
    void turns.take(guest(), noting(order, 'first', 1))
    void turns.take(guest(), noting(order, 'second', 1))
    await clock.pass(0)
    assert.deepEqual(order, ['first'])
    await clock.pass(8)
    assert.deepEqual(order, ['first'], 'one in ten milliseconds')
    await clock.pass(1)
    assert.deepEqual(order, ['first', 'second'])
  })

  it('leave more where a step takes more than the slice: twice as long, four times the rest', async () => {
    const turns = turnsOf({ share: 0.5, slice: 2 })
    turns.served(clock.now)
    const order: string[] = []
    void turns.take(guest(), noting(order, 'first', 4))
    void turns.take(guest(), noting(order, 'second', 1))
    await clock.pass(0)
    await clock.pass(7)
    assert.deepEqual(order, ['first'])
    await clock.pass(1)
    assert.deepEqual(order, ['first', 'second'])
  })

  it('leave more where more than sixteen wait, up to ten times, and not for who goes ahead', async () => {
    for (const [waiting, ahead, rest] of [
      [16, false, 1],
      [32, false, 3],
      [1000, false, 19],
      [1000, true, 1],
    ] as const) {
      const turns = turnsOf({ share: 0.5 })
      turns.served(clock.now)
      const order: string[] = []
      void turns.take(guest(), noting(order, 'first', 1), { ahead })
      for (let index = 1; index < waiting; index++) void turns.take(guest(), noting(order, 'other', 1))
      await clock.pass(0)
      await clock.pass(rest - 1)
      assert.deepEqual(order, ['first'], `${waiting}`)
      await clock.pass(1)
      assert.ok(order.length > 1, `${waiting}`)
    }
  })

  it('are given up a few at a time, so that nobody waits while all of them are answered', async () => {
    const turns = turnsOf({ patience: 1, share: 0.5 })
    turns.served(clock.now)
    const answers = Array.from({ length: 20 }, () => watched(turns.take(guest(), clock.work('done', 1))))
    clock.now += 1001
    turns.served(clock.now)
    await clock.pass(0)
    assert.equal(answers.filter(({ name }) => name === 'RateLimited').length, 4)
  })

  it('never rest for more than a second, whatever the clock says that a step took', async () => {
    const turns = turnsOf()
    turns.served(clock.now)
    const order: string[] = []
    void turns.take(guest(), noting(order, 'first', 900))
    await clock.pass(0)
    turns.served(clock.now)
    void turns.take(guest(), noting(order, 'second', 1))
    await clock.pass(999)
    assert.deepEqual(order, ['first'])
    await clock.pass(2)
    assert.deepEqual(order, ['first', 'second'])
  })

  it('count what they cost beside their steps', async () => {
    const turns = turnsOf({ share: 0.5 })
    turns.served(clock.now)
    const order: string[] = []
    void turns.take(guest(), noting(order, 'first', 1), { more: 4 })
    void turns.take(guest(), noting(order, 'second', 1))
    await clock.pass(0)
    await clock.pass(4)
    assert.deepEqual(order, ['first'])
    await clock.pass(1)
    assert.deepEqual(order, ['first', 'second'])
  })

  it('need no rest a second after the last of the others', async () => {
    const turns = turnsOf({ share: 0.001 })
    turns.served(clock.now)
    clock.now += 1000
    const order: string[] = []
    for (const name of ['a', 'b', 'c']) void turns.take(guest(), noting(order, name))
    await clock.pass(3)
    assert.deepEqual(order, ['a', 'b', 'c'])
  })

  it('that do not come in time are given up, and what was begun is not', async () => {
    const turns = turnsOf({ patience: 1, share: 0.01, slice: 20 })
    turns.served(clock.now)
    const begun = watched(turns.take(guest(), clock.work('done', 20, 0)))
    const late = watched(turns.take(guest(), clock.work('done', 1)))
    await clock.pass(900)
    assert.deepEqual([begun.state, late.state], ['waiting', 'waiting'], 'the first rests for a second')
    await clock.pass(200)
    assert.deepEqual([begun.value, late.name], ['done', 'RateLimited'])
    assert.equal((late.refusal as Failure).toRefusal().field, 'strangers')
    assert.ok(((late.refusal as Failure).toRefusal().retryAfter as number) > 0)
  })

  it('are given up for one guest, or for all', async () => {
    const [turns, one, order] = [turnsOf(), guest(), [] as string[]]
    const [mine, other] = [watched(turns.take(one, noting(order, 'mine'))), watched(turns.take(guest(), noting(order, 'other')))]
    turns.drop(one, new Failure('Cancelled', 'left'))
    await clock.pass(5)
    assert.deepEqual([mine.name, other.state, order], ['Cancelled', 'done', ['other']])
    const last = watched(turns.take(one, noting(order, 'last')))
    turns.dropAll(new Failure('Unavailable', 'closing'))
    await clock.pass(5)
    assert.deepEqual([last.name, order], ['Unavailable', ['other']])
  })

  it('pass on what the work throws', async () => {
    const turns = turnsOf()
    const failing = function* () {
      yield
      throw new Failure('Malformed', 'no')
    }
    const answer = watched(turns.take(guest(), failing()))
    await clock.pass(1)
    assert.equal(answer.name, 'Malformed')
  })
})
