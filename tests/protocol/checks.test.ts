import assert from 'node:assert/strict'
import { Checks, finish, type Ucan, type UcanMemory } from '@symbiosis/protocol'
import { refuses } from './refusal.ts'

describe('the signature checks of a message', () => {
  const ucans = Array.from({ length: 20 }, (_, index) => ({ expiration: index }) as Ucan)
  const [first, second, third] = ucans as [Ucan, Ucan, Ucan]

  /** A memory that knows the verdict on `third`, and what it was asked to check. */
  const remembering = () => {
    const checked: Ucan[] = []
    const memory = {
      verdictOn: (ucan: Ucan) => (ucan === third ? true : undefined),
      isSigned: (ucan: Ucan) => {
        checked.push(ucan)
        return ucan !== second
      },
    } as UcanMemory
    return { memory, checked }
  }

  it('are made once for each UCAN, and not for what is remembered', () => {
    const { memory, checked } = remembering()
    const checks = new Checks(memory, 2)
    const verdicts = [first, second, third, first, second, third].map((ucan) => checks.isSigned(ucan))
    assert.deepEqual(verdicts, [true, false, true, true, false, true])
    assert.deepEqual(checked, [first, second])
  })

  it('are bounded', () => {
    const { memory } = remembering()
    const checks = new Checks(memory, 2)
    assert.ok(checks.isSigned(first))
    assert.ok(!checks.isSigned(second))
    refuses(() => checks.isSigned(ucans[3] as Ucan), 'TooLarge', { field: 'signatures', limit: 2 })
    refuses(() => new Checks(memory, 0).isSigned(first), 'TooLarge', { field: 'signatures' })
  })

  it('come eight to a step, and each is paid for before it is made', () => {
    const { memory, checked } = remembering()
    const checks = new Checks(memory, 100)
    const events: (number | 'pause')[] = []
    const pay = (ucan: Ucan) => {
      assert.ok(!checked.includes(ucan))
      events.push(ucan.expiration as number)
    }
    const steps = checks.inSteps(() => ucans.filter((ucan) => checks.isSigned(ucan)).length, pay)
    let next = steps.next()
    for (; !next.done; next = steps.next()) events.push('pause')
    assert.equal(next.value, 19)
    assert.deepEqual(events, [0, 1, 3, 4, 5, 6, 7, 8, 'pause', 9, 10, 11, 12, 13, 14, 15, 16, 'pause', 17, 18, 19])
  })

  it('are free and unbroken outside of steps', () => {
    const { memory } = remembering()
    const checks = new Checks(memory, 100)
    let paid = 0
    finish(
      checks.inSteps(
        () => checks.isSigned(first),
        () => paid++,
      ),
    )
    for (const ucan of ucans) checks.isSigned(ucan)
    assert.equal(paid, 1)
  })

  it('pass on whatever else is thrown, who pays included', () => {
    const { memory, checked } = remembering()
    const refuse = () => {
      throw new RangeError('enough')
    }
    assert.throws(() => finish(new Checks(memory, 100).inSteps(refuse)), RangeError)
    const checks = new Checks(memory, 100)
    assert.throws(() => finish(checks.inSteps(() => checks.isSigned(first), refuse)), RangeError)
    assert.deepEqual(checked, [])
  })
})
