import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cidOf, type DID, Failure } from '@symbiosis/protocol'
import { verifyManifest } from '@symbiosis/protocol/manifest'
import { fromBase64, toDagJson } from '../json.ts'
import type { ManifestFile, ManifestVector } from './format.ts'
import { path, text } from './generate.ts'
import { readPlainly } from './plain-manifest.ts'

const file = JSON.parse(readFileSync(path, 'utf8')) as ManifestFile

/** The implementation of this repository, by its public exports. */
const ours = ({ host, now, seen, have = [], bounds, manifest }: ManifestVector): object => {
  const kept = have.map(fromBase64).map((bytes) => ({ cid: cidOf(bytes), bytes }))
  const expected = { host: host as DID, now, have: kept, bounds: { ...file.bounds, ...bounds }, ...(seen && { seen }) }
  const { seq, root, expires, endpoints, services } = verifyManifest(fromBase64(manifest), expected)
  const read = Object.fromEntries([...services].map(([id, service]) => [id, toDagJson(service)]))
  return { seq, root: String(root), expires, endpoints, services: read }
}

/** What was read, or the code of the refusal; nothing else may be thrown. */
const told = async (read: () => object | Promise<object>): Promise<object> => {
  try {
    return await read()
  } catch (thrown) {
    const code = thrown instanceof Failure ? thrown.name : (thrown as { code?: string }).code
    if (code === undefined) throw thrown
    return { code }
  }
}

describe('the vectors of the manifest', () => {
  it('are the same when they are made anew, byte for byte', async () =>
    assert.ok((await text()) === readFileSync(path, 'utf8'), 'they have changed: npm run vectors'))

  it('have a name of their own each', () => assert.equal(new Set(file.vectors.map(({ name }) => name)).size, file.vectors.length))

  for (const vector of file.vectors) {
    it(`are answered by this implementation, and by stock libraries and plain words: ${vector.name}`, async () => {
      assert.deepEqual(await told(() => ours(vector)), vector.expect)
      assert.deepEqual(await told(() => readPlainly(vector, file.bounds)), vector.expect)
    })
  }

  it('are checked by code that has nothing of this project in it', () => {
    for (const name of ['plain-manifest.ts', 'plain-service.ts']) {
      const source = readFileSync(join(import.meta.dirname, name), 'utf8')
      const imported = [...source.matchAll(/^import\s(?!type\s)[^'"]*from\s+'([^']+)'/gm)].map(([, specifier]) => specifier as string)
      assert.deepEqual(
        imported.filter((specifier) => !/^(node:|\.\/plain-|\.\.\/(json|refusal|strict)\.ts$)/.test(specifier)),
        [],
        name,
      )
    }
  })
})
