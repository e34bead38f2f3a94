import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bytes, cidOf, struct } from '@symbiosis/protocol'
import { describeService, type Manifest, type ServiceDescription } from '@symbiosis/protocol/manifest'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { transformSync } from 'esbuild'
import { jsonSchemaOf } from '../../cli/generating/json-schema.ts'
import { pagesOf } from '../../cli/generating/pages.ts'
import { typescriptOf } from '../../cli/generating/typescript.ts'
import { bell, signed, verify } from '../protocol/manifest/making.ts'
import { root } from '../tree.ts'
import { toDagJson } from '../vectors/json.ts'
import { nasty } from './nasty.ts'

describe('what is made of a manifest', () => {
  let manifest: Manifest

  before(async () => {
    manifest = verify(await signed())
  })

  describe('as TypeScript', function () {
    this.timeout(120_000)
    const temp = mkdtempSync(join(tmpdir(), 'symbiosis-types-'))
    after(() => rmSync(temp, { recursive: true, force: true }))

    const compile = async (files: { readonly [name: string]: string }): Promise<string> => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(temp, name), text)
      const config = { extends: join(root, 'tsconfig.json'), compilerOptions: { skipLibCheck: false, noLib: false }, include: ['*.ts'] }
      writeFileSync(join(temp, 'tsconfig.json'), JSON.stringify(config))
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      return promisify(execFile)(process.execPath, [tsc, '-p', temp]).then(
        () => '',
        ({ stdout }: { stdout: string }) => stdout,
      )
    }

    before(() => {
      writeFileSync(join(temp, 'package.json'), '{ "type": "module" }')
      symlinkSync(join(root, 'node_modules'), join(temp, 'node_modules'))
    })

    it('is strict, and holds calls to what the manifest says', async () => {
      const program = `
        import type { Refused, Symbiont } from '@symbiosis/symbiont'
        import type { CID } from 'multiformats/cid'
        import type { BellClient, RackClient } from './host.d.ts'
        declare const symbiont: Symbiont
        declare const bottle: CID
        const rack = await symbiont.dynamic<RackClient>('rack')
        const { place, note } = await rack.putAway({ bottle, kind: 'red', label: 'a' })
        const seal: Uint8Array = typeof note === 'string' ? new Uint8Array(place) : note.seal
        const { bottles, byKind } = await rack.look()
        const places: number[] = [...bottles.map((each) => each.place), byKind.red ?? 0]
        const { body } = await rack.pour({ place: 1 }, { life: 10 })
        const stream: ReadableStream<Uint8Array> = body
        const full: RackClient.PutAwayErrors['Full'] = { places: 1 }
        const bell: BellClient = await symbiont.dynamic<BellClient>('bell')
        const own: BellClient = { ring: async () => ({}) }
        const trying = await symbiont.tryDynamic<RackClient>('rack')
        const put = await trying.putAway({ bottle }, { life: 10 })
        const told = put.error?.name === 'Full' ? put.error.places : put.error?.name === 'Revoked' ? put.error.link : put.ok?.place
        const code: 'Full' | Refused['name'] | undefined = put.error?.name
        const looked = await trying.look()
        const seen: number = looked.ok ? looked.ok.bottles.length : looked.error.message.length
        const poured = await trying.pour({ place: 1 })
        const out: ReadableStream<Uint8Array> | undefined = poured.body
        const any = await symbiont.tryDynamic('rack')
        export const tried = [told, code, seen, out, (await any.whatever()).error, poured.ok, await own.ring()]
        export const all = [seal, places, stream, full, await bell.ring()]
        // @ts-expect-error: it may have been refused
        put.ok.place
        // @ts-expect-error: no such error
        put.error?.name === 'Empty'
        // @ts-expect-error: it has no errors of its own
        looked.error?.name === 'Full'
        // @ts-expect-error: nothing streams
        put.body?.cancel()
        // @ts-expect-error: a field is missing
        await trying.putAway({})
        // @ts-expect-error: it needs input
        await trying.pour()
        // @ts-expect-error: no such ability
        await trying.drink()
        // @ts-expect-error: a field is missing
        await rack.putAway({})
        // @ts-expect-error: no such kind
        await rack.putAway({ bottle, kind: 'green' })
        // @ts-expect-error: no such field
        await rack.putAway({ bottle, more: 1 })
        // @ts-expect-error: it needs input
        await rack.pour()
        // @ts-expect-error: no such ability
        await rack.drink()
      `
      assert.equal(await compile({ 'host.d.ts': typescriptOf(manifest, [...manifest.services.values()]), 'program.ts': program }), '')
    })

    it('compiles whatever ids there are, each as another client', async () => {
      const ids = ['promise', 'c-i-d', 'a-b', 'ab', 'a2', 'a-2', 'a--b', 'a-', 'uint8-array', 'readable-stream', 'record', 'nasty', 'await']
      const services = ids.map((id) => ({ ...describeService(bell), id }))
      const text = typescriptOf(manifest, [...services, nasty('evil')])
      assert.equal(new Set([...text.matchAll(/^export interface (\w+)/gm)].map(([, name]) => name)).size, ids.length + 1)
      rmSync(join(temp, 'program.ts'), { force: true })
      assert.equal(await compile({ 'host.d.ts': text }), '')
    })

    it('has nothing in it that a host could run, or declare', () => {
      const text = typescriptOf(manifest, [nasty('evil')])
      assert.equal(transformSync(text, { loader: 'ts' }).code.trim(), '')
      const declared = text.replace(/\/\*\*[\s\S]*?\*\//g, '').replace(/"(?:[^"\\\n]|\\.)*"/g, '')
      assert.doesNotMatch(declared, /pwned/)
    })
  })

  describe('as pages', () => {
    it('tells every ability, its fields, its limits and terms', () => {
      const pages = pagesOf(manifest, [...manifest.services.values()])
      assert.deepEqual([...pages.keys()], ['README.md', 'bell.md', 'rack.md'])
      const page = pages.get('rack.md') as string
      for (const part of [
        '## rack/putaway',
        '`bottles[].place`',
        '`byKind`',
        'Fails with Full',
        '`places`',
        '`bottles`',
        'attic',
        '1 to 500',
        'up to 64 of them',
        'Clients call it `putAway`.',
        '`symbiosis request rack`',
        'gives a stream of bytes behind its answer',
        '(`StaleLog`) where the host has not heard for 1 hour of the logs',
        'It asks them anew after 5 minutes.',
      ])
        assert.ok(page.includes(part), part)
      const places = ['## rack/look', '## rack/pour', '## rack/putaway', '`bottle` | a link', '`label` | text'].map((part) =>
        page.indexOf(part),
      )
      assert.deepEqual(
        [...places].sort((a, b) => a - b),
        places,
        'abilities by their names, and first what has to be there',
      )
      assert.match(pages.get('README.md') as string, / UTC\.\n.*anew after 1 hour.*`LimitExceeded`/s)
      assert.doesNotMatch(page.slice(page.indexOf('## rack/look'), page.indexOf('## rack/pour')), /StaleLog|Clients call/)
      assert.ok(pages.get('README.md')?.includes('[rack](rack.md)'))
      const bounded = pagesOf(manifest, [describeService(bell, { maxLease: 30 * 86_400 })]).get('bell.md')
      assert.ok(bounded?.includes('| longest lease | 30 days |'))
    })

    it('tells what is leased apart from what anybody may call', () => {
      const index = pagesOf(manifest, [...manifest.services.values(), nasty('evil')]).get('README.md') as string
      const [leased, open] = index.split('\n## ')
      assert.deepEqual(
        [...(leased as string).matchAll(/\]\((\w+)\.md/g)].map(([, id]) => id),
        ['bell', 'rack'],
      )
      assert.deepEqual(
        [...(open as string).matchAll(/\]\((\w+)\.md/g)].map(([, id]) => id),
        ['evil'],
      )
    })

    it('tells what has to be given before what may be', () => {
      const page = pagesOf(manifest, [nasty('evil')]).get('evil.md') as string
      const table = page.split('**Gives**')[1]?.split('**Fails')[0] as string
      const notes = table
        .split('\n')
        .filter((line) => line.startsWith('|'))
        .slice(2)
      assert.doesNotMatch(notes[0] as string, /\| optional/)
      assert.ok(notes.slice(1).every((note) => note.includes('| optional')))
    })

    it('is words where a host wrote words: no HTML, no links, no other cells', () => {
      const page = pagesOf(manifest, [nasty('evil')]).get('evil.md') as string
      assert.doesNotMatch(page, /:\/\/|www\.|(?<!\\)@/)
      assert.doesNotMatch(page, /<(?!\/?code>)/)
      assert.doesNotMatch(page, /(?<!\\)\[pwned|(?<!\\)`pwned`|^#+ pwned/m)
      for (const row of page.split('\n').filter((line) => line.startsWith('|')))
        assert.ok([3, 4].includes(row.split(/(?<!\\)\|/).length - 1), row)
    })
  })

  describe('as JSON Schema', () => {
    const ajv = new Ajv2020({ strict: false })
    const validator = (service: ServiceDescription, name: string) => {
      const document = jsonSchemaOf(manifest, service)
      return ajv.compile({ ...(document.$defs as Record<string, object>)[name] })
    }
    const service = (id: string) => manifest.services.get(id) as ServiceDescription
    const link = cidOf(Uint8Array.of(1))

    it('is good for tools that know nothing of IPLD: values are DAG-JSON', () => {
      const input = validator(service('rack'), 'putAway.input')
      assert.equal(input(toDagJson({ bottle: link, label: 'a', kind: 'red', sealed: true })), true)
      for (const value of [{}, { bottle: String(link) }, { bottle: { '/': 1 } }, { bottle: { '/': '', more: 1 } }])
        assert.equal(input(value), false, JSON.stringify(value))
      for (const over of [{ kind: 'green' }, { label: 'a'.repeat(101) }, { sealed: 1 }, { more: 1 }])
        assert.equal(input({ ...(toDagJson({ bottle: link }) as object), ...over }), false, JSON.stringify(over))
    })

    it('lets output have more than it names, as symbionts do', () => {
      const output = validator(service('rack'), 'look.output')
      const value = toDagJson({ bottles: [{ bottle: link, place: 1, year: 1999 }], byKind: { red: 1 }, more: 1 })
      assert.equal(output(value), true)
      assert.equal(output({ ...(value as object), byKind: { red: 'one' } }), false)
      assert.equal(validator(service('rack'), 'putAway.errors.Full')({ places: 'one' }), false)
    })

    it('bounds bytes', () => {
      const rings = describeService({
        ...bell,
        abilities: { ring: { ...bell.abilities.ring, nb: struct({ tone: bytes({ maxLength: 4 }) }) } },
      })
      const input = validator(rings, 'ring.input')
      for (const [length, good] of [
        [0, true],
        [4, true],
        [5, false],
      ] as const)
        assert.equal(input(toDagJson({ tone: new Uint8Array(length) })), good, String(length))
    })
  })
})
