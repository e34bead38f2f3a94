import assert from 'node:assert/strict'
import { type Charge, Failure } from '@symbiosis/protocol'
import { Meter, Room } from '../../capabilities/pin/meter.ts'
import { failure } from '../host/engine/fixtures.ts'

/** Meters over one lease of so many bytes. */
const meters = (limit: number, count: number) => {
  const room = new Room()
  const edges = [{ by: 'host', to: 'space', limits: { bytes: limit } }]
  let used = 0
  let commits = 0
  const make = () => {
    let mine = 0
    const grow = async (bytes: number): Promise<Charge> => {
      await new Promise((resolve) => setImmediate(resolve))
      commits++
      if (used + bytes - mine > limit) throw new Failure('LimitExceeded', 'full')
      used += bytes - mine
      mine = bytes
      return { edges, amounts: { bytes } }
    }
    const meter = new Meter({ edges, amounts: {} }, room, grow)
    room.enter(meter)
    return {
      meter,
      giveBack() {
        used -= mine
        room.leave(meter)
      },
    }
  }
  return { all: Array.from({ length: count }, make), used: () => used, commits: () => commits }
}

describe('the room that pins compete for', () => {
  it('lets one of two pass that each have half of what both need', async () => {
    const {
      all: [a, b],
      used,
    } = meters(10, 2)
    assert.ok(a && b)
    await a.meter.admit(4)
    await b.meter.admit(4)
    const first = a.meter.admit(4)
    const second = b.meter.admit(4).catch((reason: unknown) => {
      b.giveBack()
      throw reason
    })
    await assert.rejects(second, failure('LimitExceeded'))
    await first
    assert.equal(used(), 8)
  })

  it('refuses at once what does not fit by itself', async () => {
    const {
      all: [a, b],
    } = meters(10, 2)
    await assert.rejects(a?.meter.admit(11) as Promise<void>, failure('LimitExceeded'))
    await b?.meter.admit(10)
  })

  it('reserves for many blocks in one commit, and never more than came', async () => {
    const {
      all: [a],
      used,
      commits,
    } = meters(1000, 1)
    await Promise.all(Array.from({ length: 100 }, () => a?.meter.admit(10)))
    assert.equal(used(), 1000)
    assert.ok(commits() <= 3)
    a?.meter.restart()
    await a?.meter.admit(1000)
    assert.equal(used(), 1000)
  })
})
