import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cidOf, encode } from '@symbiosis/protocol'
import { verifyLoggedManifest, verifyManifest } from '@symbiosis/protocol/manifest'
import { decodeVerifierKey, type Logged, originOf } from '@symbiosis/protocol/revocation'
import { fromBase64, toBase64 } from '../../vectors/json.ts'
import { examples, host } from './example.ts'
import { fromDagJson } from './reading.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/spec/manifest.md'), 'utf8')
/** Fenced blocks by the name that a comment right above gives them. */
const blocks = new Map(
  [...page.matchAll(/^<!-- check: (\S+) -->\n```\w*\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [
    name as string,
    JSON.parse(text as string),
  ]),
)
const manifest = () => verifyManifest(fromBase64(blocks.get('car').bytes), { host: host.did, now: 1_800_000_000 })

describe('The specification of the manifest', () => {
  it('has its examples right', async () => assert.deepEqual(Object.fromEntries(blocks), JSON.parse(JSON.stringify(await examples()))))

  it('shows blocks whose bytes are what they mean, under their own names', () => {
    const { root, services } = blocks.get('blocks')
    for (const { cid, block, bytes } of [root, ...services, blocks.get('signature')]) {
      assert.equal(toBase64(encode(fromDagJson(block))), bytes)
      assert.equal(String(cidOf(fromBase64(bytes))), cid)
    }
  })

  it('shows a manifest that is verified', () => {
    const { root, services, log } = manifest()
    assert.equal(String(root), blocks.get('blocks').root.cid)
    assert.deepEqual([...services.keys()], ['bell'])
    assert.equal(decodeVerifierKey(log.key).name, originOf(host.did))
  })

  it('shows that a log has it', () => {
    const logged = fromDagJson(blocks.get('log')) as Logged
    assert.equal(verifyLoggedManifest(manifest(), logged).size, logged.index + 1)
  })

  it('names tests that are there', () => {
    const tests = ['manifest', 'unlogged-manifests']
      .map((name) => readFileSync(join(import.meta.dirname, `../../attacks/${name}.test.ts`), 'utf8'))
      .join('')
    const section = page.slice(page.indexOf('## What a symbiont checks'), page.indexOf('## Evolution'))
    const named = [...section.matchAll(/^\| .* \| .* \| (?:\[)?([a-z].*?)(?:\]\(.*\))? \|$/gm)].map(([, title]) => title as string)
    assert.ok(named.length >= 19, named.join('\n'))
    assert.deepEqual(
      named.filter((title) => title !== 'test' && !tests.includes(title)),
      [],
    )
  })
})
