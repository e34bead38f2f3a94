import assert from 'node:assert/strict'
import { Bucket, Buckets } from '../../host/rate.ts'

const RATE = { burst: 10, perSecond: 2 }

describe('a bucket', () => {
  it('is full at first, and has something until the last of it is gone', () => {
    const bucket = new Bucket(RATE, 0)
    bucket.spend(9.5, RATE, 0)
    assert.deepEqual([bucket.level(RATE, 0), bucket.wait(RATE, 0)], [0.5, 0])
    bucket.spend(0.5, RATE, 0)
    assert.equal(bucket.level(RATE, 0), 0)
    assert.ok(bucket.wait(RATE, 0) > 0)
  })

  it('fills by what comes back in a second, and no further than its burst', () => {
    const bucket = new Bucket(RATE, 0)
    bucket.spend(10, RATE, 0)
    assert.equal(bucket.level(RATE, 500), 1)
    assert.equal(bucket.level(RATE, 5000), 10)
    assert.equal(bucket.level(RATE, 1e9), 10)
  })

  it('may be overdrawn, and then says in how many seconds the debt is paid', () => {
    const bucket = new Bucket(RATE, 0)
    bucket.spend(16, RATE, 0)
    assert.equal(bucket.wait(RATE, 0), 3)
    assert.equal(bucket.wait(RATE, 2000), 1)
    assert.equal(bucket.wait(RATE, 3001), 0)
  })

  it('is never in debt by more than four bursts', () => {
    const bucket = new Bucket(RATE, 0)
    bucket.spend(1e9, RATE, 0)
    assert.equal(bucket.level(RATE, 0), -40)
  })
})

describe('buckets by name', () => {
  it('give each name its own', () => {
    const buckets = new Buckets({ burst: 2, perSecond: 1 }, 100)
    assert.deepEqual([buckets.take('a', 0), buckets.take('a', 0)], [0, 0])
    assert.ok(buckets.take('a', 0) > 0)
    assert.equal(buckets.take('b', 0), 0)
    assert.equal(buckets.take('a', 1000), 0, 'one has come back')
    assert.ok(buckets.take('a', 1000) > 0)
  })

  it('take nothing from who has nothing: asking again makes nothing worse', () => {
    const buckets = new Buckets({ burst: 1, perSecond: 1 }, 100)
    buckets.take('a', 0)
    for (let index = 0; index < 100; index++) assert.ok(buckets.take('a', 0) > 0)
    assert.equal(buckets.take('a', 1000), 0)
  })

  it('are at most as many as was said, and the ones used last stay', () => {
    const buckets = new Buckets({ burst: 1, perSecond: 0.001 }, 10)
    buckets.take('kept', 0)
    for (let index = 0; index < 1000; index++) {
      buckets.take(`other ${index}`, 0)
      assert.ok(buckets.take('kept', 0) > 0, `forgotten after ${index}`)
      assert.ok(buckets.size <= 10)
    }
  })
})
