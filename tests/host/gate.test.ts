import assert from 'node:assert/strict'
import type { Ucan } from '@symbiosis/protocol'
import { Gate, type GateOptions } from '../../host/gate.ts'
import { DoorClock, refusal, watched } from './door-clock.ts'

describe('the gate', () => {
  let clock: DoorClock
  beforeEach(() => {
    clock = new DoorClock()
  })
  afterEach(() => clock.restore())

  const gateOf = (options: Partial<GateOptions> = {}) => new Gate(options, clock.read)
  const caller = () => ({
    cut: false,
    destroy() {
      this.cut = true
    },
  })
  type Caller = ReturnType<typeof caller>

  const connected = (gate: Gate): Caller => {
    const one = caller()
    gate.opened(one)
    return one
  }

  /** A whole request that comes to `verdict` after some milliseconds of work. */
  const request = async (gate: Gate, one: Caller, verdict: boolean | undefined, ...work: number[]) => {
    await gate.enter(one)
    const answer = watched(gate.run(one, clock.work(verdict, ...work), { judge: (value) => value }))
    await clock.pass(work.length + 2)
    gate.leave(one)
    return answer
  }

  const proven = async (gate: Gate): Promise<Caller> => {
    const one = connected(gate)
    await request(gate, one, true, 0)
    return one
  }

  describe('tells strangers from others', () => {
    it('by a call that was allowed by a lease', async () => {
      const gate = gateOf()
      const one = connected(gate)
      assert.equal(gate.strangers, 1)
      const first = gate.run(one, clock.work(true, 0), { judge: (allowed) => allowed })
      assert.ok(first instanceof Promise, 'in its turn')
      await clock.pass(1)
      assert.equal(gate.strangers, 0)
      assert.equal(gate.run(one, clock.work('at once', 0), { judge: () => true }), 'at once')
    })

    it('and not by one that is open to all, that is refused, or that throws', async () => {
      const gate = gateOf()
      const one = connected(gate)
      await request(gate, one, undefined, 0)
      await request(gate, one, false, 0)
      await gate.enter(one)
      const thrown = watched(
        gate.run(
          one,
          (function* () {
            yield
            throw new Error('no')
          })(),
          { judge: () => true },
        ),
      )
      await clock.pass(2)
      assert.equal(thrown.state, 'refused')
      assert.equal(gate.strangers, 1)
      assert.ok(gate.run(one, clock.work(1, 0)) instanceof Promise)
    })

    it('and not while it is in debt', async () => {
      const gate = gateOf({ connection: { burst: 5, perSecond: 0.001 } })
      const one = connected(gate)
      await request(gate, one, true, 2, 2, 2)
      assert.equal(gate.strangers, 1)
    })

    it('trusts who is in the same process', () => {
      const gate = gateOf()
      assert.equal(gate.run(undefined, clock.work('done', 500, 500)), 'done')
      assert.equal(gate.payer(undefined, {} as Ucan), undefined)
    })
  })

  describe('charges connections', () => {
    it('up to the burst, then tells them once, and then does not read them until the debt is paid', async () => {
      const gate = gateOf({ connection: { burst: 10, perSecond: 10 } })
      const one = connected(gate)
      await request(gate, one, false, 5)
      await request(gate, one, false, 14)
      // 0.2 for each of three requests, 19 of work, and little came back meanwhile.
      const told = refusal(() => gate.enter(one))
      gate.leave(one)
      assert.deepEqual([told.name, told.field], ['RateLimited', 'connection'])
      const wait = told.retryAfter as number
      assert.ok(wait > 0.8 && wait < 1, String(wait))
      const held = watched(gate.enter(one))
      await clock.pass(wait * 1000 - 10)
      assert.equal(held.state, 'waiting')
      await clock.pass(40)
      assert.equal(held.state, 'done')
    })

    it('to the last of the burst: what is left serves, nothing does not', async () => {
      for (const [work, name] of [
        [9.5, 'ok'],
        [9.7, 'RateLimited'],
      ] as const) {
        const gate = gateOf({ connection: { burst: 10, perSecond: 1e-9 } })
        const one = connected(gate)
        await request(gate, one, false, work)
        // Two requests take 0.4.
        assert.equal(refusal(() => gate.enter(one)).name, name, String(work))
      }
    })

    it('and tells them again when they come in debt after having been without', async () => {
      const gate = gateOf({ connection: { burst: 10, perSecond: 10 } })
      const one = connected(gate)
      await request(gate, one, false, 12)
      assert.equal(refusal(() => gate.enter(one)).name, 'RateLimited')
      gate.leave(one)
      await clock.pass(1000)
      await request(gate, one, false, 20)
      assert.equal(refusal(() => gate.enter(one)).name, 'RateLimited', 'it has paid in between')
    })

    it('and keeps nobody longer than the patience', async () => {
      const gate = gateOf({ connection: { burst: 10, perSecond: 1 }, patience: 2 })
      const one = connected(gate)
      await request(gate, one, false, 40)
      refusal(() => gate.enter(one))
      gate.leave(one)
      const held = watched(gate.enter(one))
      await clock.pass(1990)
      assert.equal(held.state, 'waiting')
      await clock.pass(20)
      assert.equal(held.name, 'RateLimited')
    })

    it('of the others for what is refused them, and for nothing else', async () => {
      const gate = gateOf({ connection: { burst: 50, perSecond: 1e-9 }, slice: 1000 })
      const one = await proven(gate)
      for (let index = 0; index < 100; index++) gate.run(one, clock.work(true, 10), { judge: (value) => value })
      assert.equal(gate.strangers, 0)
      for (let index = 0; index < 4; index++) {
        gate.enter(one)
        gate.run(one, clock.work(false, 10), { judge: (value) => value })
        gate.leave(one)
      }
      assert.equal(gate.strangers, 0, '40.8 of 50 are gone, and the 0.2 of its first')
      gate.enter(one)
      gate.run(one, clock.work(false, 10), { judge: (value) => value })
      assert.equal(gate.strangers, 1)
      gate.leave(one)
      assert.equal(refusal(() => gate.enter(one)).name, 'RateLimited')
    })
  })

  describe('lets others in between', () => {
    it('where a message of one with a lease takes more than a slice', async () => {
      const gate = gateOf({ slice: 2, connection: { burst: 10, perSecond: 1e-9 } })
      const one = await proven(gate)
      const before = clock.now
      gate.enter(one)
      const long = watched(gate.run(one, clock.work(false, 2, 2, 2, 5), { judge: (value) => value }))
      for (let turn = 0; turn < 10; turn++) await undefined
      assert.deepEqual([long.state, clock.now], ['waiting', before + 2], 'one of its steps was taken')
      await clock.pass(5)
      assert.equal(long.value, false)
      assert.equal(gate.strangers, 1, 'all its slices are charged')
    })

    it('and what it throws in a later slice reaches who asked', async () => {
      const gate = gateOf({ slice: 1 })
      const one = await proven(gate)
      const steps = (function* () {
        yield* clock.work(0, 1, 1)
        throw new RangeError('no')
      })()
      const answer = watched(gate.run(one, steps))
      await clock.pass(5)
      assert.equal(answer.state, 'refused')
    })
  })

  describe('bounds connections', () => {
    it('to so many strangers: the oldest that waits for nothing goes, never the one that has just come', () => {
      const gate = gateOf({ maxStrangers: 3 })
      const [busy, idle, other] = [connected(gate), connected(gate), connected(gate)]
      gate.enter(busy)
      assert.deepEqual([busy.cut, idle.cut, other.cut, gate.strangers], [false, false, false, 3])
      const fourth = connected(gate)
      assert.deepEqual([busy.cut, idle.cut, other.cut, fourth.cut, gate.strangers], [false, true, false, false, 3])
    })

    it('and where all wait for something, the oldest of all', () => {
      const gate = gateOf({ maxStrangers: 2 })
      const [first, second] = [connected(gate), connected(gate)]
      gate.enter(first)
      gate.enter(second)
      const third = connected(gate)
      assert.deepEqual([first.cut, second.cut, third.cut, gate.strangers], [true, false, false, 2])
    })

    it('and counts neither who has left nor who is no stranger', async () => {
      const gate = gateOf({ maxStrangers: 1 })
      const known = await proven(gate)
      const one = connected(gate)
      gate.closed(one)
      const next = connected(gate)
      assert.deepEqual([known.cut, one.cut, next.cut, gate.strangers], [false, false, false, 1])
    })

    it('to one request at a time, of strangers', async () => {
      const gate = gateOf()
      const one = connected(gate)
      gate.enter(one)
      assert.equal(refusal(() => gate.enter(one)).name, 'RateLimited')
      assert.equal(one.cut, true)
      const known = await proven(gate)
      for (let index = 0; index < 5; index++) gate.enter(known)
      assert.equal(known.cut, false)
    })

    it('and is one request when the one before was answered', () => {
      const gate = gateOf()
      const one = connected(gate)
      for (let index = 0; index < 5; index++) {
        gate.enter(one)
        gate.leave(one)
      }
      assert.equal(one.cut, false)
    })
  })

  describe('bounds what is read', () => {
    const sending = (gate: Gate, bytes: number) => {
      const one = connected(gate)
      gate.enter(one)
      return { one, wait: gate.received(one, bytes) }
    }

    it('to so many large messages at a time; small ones are read to the byte', async () => {
      const gate = gateOf({ smallBytes: 100, maxLarge: 1 })
      const first = sending(gate, 100)
      assert.equal(first.wait, undefined)
      assert.equal(gate.received(first.one, 1), undefined, 'there is a place')
      assert.equal(gate.received(first.one, 1e6), undefined, 'it has the place')
      const second = sending(gate, 100)
      assert.equal(second.wait, undefined)
      const waits = watched(gate.received(second.one, 1) as Promise<void>)
      await clock.pass(0)
      assert.equal(waits.state, 'waiting')
      gate.leave(first.one)
      await clock.pass(0)
      assert.equal(waits.state, 'done')
    })

    it('and who has left, or is known by now, holds no place', async () => {
      const gate = gateOf({ smallBytes: 100, maxLarge: 1 })
      const leaving = sending(gate, 101)
      const known = sending(gate, 101)
      const last = sending(gate, 101)
      const [second, third] = [watched(known.wait as Promise<void>), watched(last.wait as Promise<void>)]
      gate.closed(leaving.one)
      await clock.pass(0)
      assert.deepEqual([second.state, third.state], ['done', 'waiting'])
      void gate.run(known.one, clock.work(true, 0), { judge: () => true })
      await clock.pass(1)
      assert.equal(third.state, 'done')
      assert.equal(gate.received(known.one, 1e9), undefined)
    })

    it('and each message counts for itself', () => {
      const gate = gateOf({ smallBytes: 100, maxLarge: 0 })
      const one = connected(gate)
      for (let index = 0; index < 3; index++) {
        gate.enter(one)
        assert.equal(gate.received(one, 100), undefined)
        gate.leave(one)
      }
    })
  })

  describe('gives no answer to strangers but in turns', () => {
    it('also where there is nothing to do for it', async () => {
      const gate = gateOf({ share: 0.01 })
      const known = await proven(gate)
      gate.run(known, clock.work(true, 0), { judge: () => true })
      const [first, second] = [connected(gate), connected(gate)]
      gate.enter(first)
      gate.enter(second)
      const [one, two] = [watched(gate.turn(first)), watched(gate.turn(second))]
      await clock.pass(1)
      assert.deepEqual([one.state, two.state], ['done', 'waiting'])
      await clock.pass(17)
      assert.equal(two.state, 'waiting', 'what any request costs is counted: 0.2 ms, and 19.8 of rest')
      await clock.pass(5)
      assert.equal(two.state, 'done')
    })

    it('once a request, and not at all for others', async () => {
      const gate = gateOf()
      const one = connected(gate)
      gate.enter(one)
      const turn = watched(gate.turn(one) as Promise<void>)
      await clock.pass(1)
      assert.equal(turn.state, 'done')
      assert.equal(gate.turn(one), undefined)
      gate.leave(one)
      gate.enter(one)
      assert.ok(gate.turn(one) instanceof Promise)
      const known = await proven(gate)
      gate.enter(known)
      assert.equal(gate.turn(known), undefined)
    })

    it('and does no work for who has left', async () => {
      const gate = gateOf()
      const one = connected(gate)
      gate.enter(one)
      const answer = watched(gate.run(one, clock.work('done', 1)))
      gate.closed(one)
      gate.leave(one)
      await clock.pass(2)
      assert.deepEqual([answer.name, clock.now], ['Cancelled', 2])
    })

    it('nor for who leaves before its message is read: else a flood that is over would go on', async () => {
      const gate = gateOf()
      const one = connected(gate)
      gate.enter(one)
      gate.closed(one)
      const answer = watched(gate.run(one, clock.work('done', 1)))
      gate.leave(one)
      await clock.pass(2)
      assert.deepEqual([answer.name, clock.now], ['Cancelled', 2])
    })
  })

  it('lets all go who wait when the host closes, and keeps nobody from then on', async () => {
    const gate = gateOf({ connection: { burst: 10, perSecond: 1 } })
    const [working, indebted] = [connected(gate), connected(gate)]
    await request(gate, indebted, false, 40)
    refusal(() => gate.enter(indebted))
    gate.leave(indebted)
    const held = watched(gate.enter(indebted))
    const answer = watched(gate.run(working, clock.work('done', 1)))
    gate.close()
    await clock.pass(0)
    assert.deepEqual([answer.name, held.name], ['Unavailable', 'RateLimited'])
    gate.leave(indebted)
    const again = watched(gate.enter(indebted))
    await clock.pass(0)
    assert.equal(again.name, 'RateLimited')
  })
})
