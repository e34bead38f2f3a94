import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bell, rack } from '../protocol/manifest/making.ts'
import { broken, ourServices, release, releasedShapes } from './shapes.ts'

/** On what was released, symbionts and hosts out there rely. `npm run shapes` takes what is now for released. */
describe('our services', () => {
  for (const [id, released] of releasedShapes()) {
    it(`understand those of the last release: ${id}`, async () => {
      const service = (await ourServices()).find((each) => each.id === id)
      assert.ok(service, 'it is gone')
      assert.deepEqual(
        broken(released, service).map(({ path, what }) => `${path} ${what}`),
        [],
      )
    })
  }
})

describe('releasing shapes', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'symbiosis-shapes-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('keeps what each service is, once', () => {
    assert.deepEqual(release([rack, bell], [], folder), ['rack', 'bell'])
    assert.deepEqual(release([rack, bell], [], folder), [])
    assert.deepEqual([...releasedShapes(folder).keys()].sort(), ['bell', 'rack'])
    assert.deepEqual(broken(releasedShapes(folder).get('rack') as never, rack), [])
  })

  it('refuses a break, writing nothing, unless it is meant', () => {
    release([bell, rack], [], folder)
    const { putAway: _, ...abilities } = rack.abilities
    const both = [
      { ...bell, rev: 2, about: 'Rings louder' },
      { ...rack, rev: 4, abilities },
    ]
    assert.throws(() => release(both, [], folder), /rack\/putaway is gone/)
    assert.equal(releasedShapes(folder).get('bell')?.rev, 1)
    assert.deepEqual(release(both, ['rack'], folder), ['bell', 'rack'])
  })
})
