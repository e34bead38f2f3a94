import assert from 'node:assert/strict'
import { Places } from '../../host/places.ts'

describe('places', () => {
  /** Whether a promise is resolved by now. */
  const isDone = async (promise: Promise<void> | undefined): Promise<boolean> => {
    let done = false
    void promise?.then(() => {
      done = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    return done
  }

  it('are given at once while there are some, and then in the order of asking', async () => {
    const places = new Places<string>(2)
    assert.deepEqual([places.take('a'), places.take('b'), places.take('a')], [undefined, undefined, undefined])
    const [third, fourth] = [places.take('c'), places.take('d')]
    assert.equal(await isDone(third), false)
    places.leave('a')
    assert.deepEqual([await isDone(third), await isDone(fourth)], [true, false])
    places.leave('c')
    assert.equal(await isDone(fourth), true)
    assert.equal(places.take('d'), undefined, 'it has one already')
  })

  it('let who asks again wait for the same', async () => {
    const places = new Places<string>(1)
    places.take('a')
    const [once, again] = [places.take('b'), places.take('b')]
    places.leave('a')
    assert.deepEqual([await isDone(once), await isDone(again)], [true, true])
  })

  it('are not kept by who leaves the line', async () => {
    const places = new Places<string>(1)
    places.take('a')
    const [second, third] = [places.take('b'), places.take('c')]
    places.leave('b')
    assert.deepEqual([await isDone(second), await isDone(third)], [true, false])
    places.leave('a')
    assert.equal(await isDone(third), true)
    places.leave('nobody')
  })
})
