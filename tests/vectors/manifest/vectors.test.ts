import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cidOf, type DID, Failure } from '@symbiosis/protocol'
import { verifyLoggedManifest, verifyManifest } from '@symbiosis/protocol/manifest'
import { CID } from 'multiformats/cid'
import { fromBase64, toDagJson } from '../json.ts'
import type { LoggedFile, LoggedJson, ManifestFile, ManifestVector } from './format.ts'
import { pathOf, texts } from './generate.ts'
import { readLogged } from './plain-logged.ts'
import { readPlainly } from './plain-manifest.ts'

const file = JSON.parse(readFileSync(pathOf('manifests.json'), 'utf8')) as ManifestFile
const logged = JSON.parse(readFileSync(pathOf('logged.json'), 'utf8')) as LoggedFile

/** The implementation of this repository, by its public exports. */
const ours = ({ host, now, seen, have = [], bounds, manifest }: ManifestVector): object => {
  const kept = have.map(fromBase64).map((bytes) => ({ cid: cidOf(bytes), bytes }))
  const expected = { host: host as DID, now, have: kept, bounds: { ...file.bounds, ...bounds }, ...(seen && { seen }) }
  const { seq, root, expires, endpoints, services } = verifyManifest(fromBase64(manifest), expected)
  const read = Object.fromEntries([...services].map(([id, service]) => [id, toDagJson(service)]))
  return { seq, root: String(root), expires, endpoints, services: read }
}

const oursLogged = (log: LoggedJson | null): object => {
  const { host, seq, root, key } = logged
  const manifest = { host: host as DID, seq, root: CID.parse(root), log: { key } }
  const shown = log && { ...log, entry: fromBase64(log.entry), proof: log.proof.map(fromBase64), key: fromBase64(log.key) }
  return { size: verifyLoggedManifest(manifest, shown ?? undefined).size }
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
  it('are the same when they are made anew, byte for byte', async () => {
    for (const [name, text] of await texts()) assert.ok(text === readFileSync(pathOf(name), 'utf8'), `${name} has changed: npm run vectors`)
  })

  it('have a name of their own each', () => {
    for (const { vectors } of [file, logged]) assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length)
  })

  for (const vector of file.vectors) {
    it(`are answered by this implementation, and by stock libraries and plain words: ${vector.name}`, async () => {
      assert.deepEqual(await told(() => ours(vector)), vector.expect)
      assert.deepEqual(await told(() => readPlainly(vector, file.bounds)), vector.expect)
    })
  }

  for (const { name, log, expect } of logged.vectors) {
    it(`are answered by this implementation, and by stock libraries and plain words: shown by ${name}`, async () => {
      assert.deepEqual(await told(() => oursLogged(log)), expect)
      assert.deepEqual(await told(() => readLogged(logged, log)), expect)
    })
  }

  it('are checked by code that has nothing of this project in it', () => {
    for (const name of ['plain-manifest.ts', 'plain-service.ts', 'plain-logged.ts']) {
      const source = readFileSync(join(import.meta.dirname, name), 'utf8')
      const imported = [...source.matchAll(/^import\s(?!type\s)[^'"]*from\s+'([^']+)'/gm)].map(([, specifier]) => specifier as string)
      assert.deepEqual(
        imported.filter(
          (specifier) => !/^(node:|multiformats\/|\.\/plain-|\.\.\/(json|refusal|strict|revocation\/plain-formats)\.ts$)/.test(specifier),
        ),
        [],
        name,
      )
    }
  })
})
