import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { encode, prepare } from '@ipld/dag-pb'
import type { Block } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { BlockFile } from '../../cli/block-file.ts'
import { blocksAgain, blocksOf, survey } from '../../cli/files-in.ts'
import { writeFiles, writeStream } from '../../cli/files-out.ts'
import { Place, type RunningHost } from './command.ts'

describe('files and folders of the command', function () {
  this.timeout(120_000)

  const place = new Place()
  const wallet = place.wallet('wallet')
  const { signal } = new AbortController()
  let host: RunningHost

  before(async () => {
    host = await place.host(['--approve', 'all'])
    await wallet.ok('pair', host.url)
    await wallet.ok('request')
    mkdirSync(place.path('album/summer/empty'), { recursive: true })
    writeFileSync(place.path('album/one.txt'), 'one')
    writeFileSync(place.path('album/summer/two.bin'), randomBytes(2_500_000))
    writeFileSync(place.path('album/nothing'), '')
  })
  after(() => place.end())

  it('come back as they went', async () => {
    const { root } = await wallet.ok('add', place.path('album'))
    await wallet.ok('get', root, '-o', place.path('back'))
    assert.deepEqual(tree(place.path('back')), tree(place.path('album')))
    assert.deepEqual(
      readdirSync(place.dir).filter((name) => name.startsWith('.symbiosis')),
      [],
    )
  })

  it('are not written over unless that is asked for', async () => {
    const { root } = await wallet.ok('add', place.path('album/one.txt'))
    assert.equal((await wallet.refused(1, 'get', root, '-o', place.path('back'))).name, 'InvalidInput')
    await wallet.ok('get', root, '-o', place.path('back'), '--force')
    assert.equal(readFileSync(place.path('back'), 'utf8'), 'one')
    const album = await wallet.ok('add', place.path('album'))
    await wallet.ok('get', album.root, '-o', place.path('back'), '--force')
    assert.deepEqual(tree(place.path('back')), tree(place.path('album')))
  })

  it('go to stdout', async () => {
    const { root } = await wallet.ok('add', place.path('album/one.txt'))
    const { code, stdout } = await wallet.run(['get', root, '-o', '-'])
    assert.deepEqual([code, stdout], [0, 'one'])
  })

  it('have the same root and the same order of blocks each time', async () => {
    const [first, second] = [await read(place.path('album')), await read(place.path('album'))]
    assert.deepEqual(first, second)
    assert.equal(new Set(first).size, first.length)
  })

  it('name what is left out', async () => {
    mkdirSync(place.path('mixed'))
    writeFileSync(place.path('mixed/file'), 'here')
    symlinkSync('/etc/passwd', place.path('mixed/link'))
    assert.deepEqual((await survey(place.path('mixed'))).skipped, ['link'])
    const { root, skipped } = await wallet.ok('add', place.path('mixed'))
    assert.deepEqual(skipped, ['link'])
    await wallet.ok('get', root, '-o', place.path('unmixed'))
    assert.deepEqual(readdirSync(place.path('unmixed')), ['file'])
  })

  it('are refused where a name of theirs leads out of the folder', async () => {
    for (const name of ['..', '.', '', '../out', '/out', 'a/b', 'nul\0']) {
      const { cid, read } = await folderWith(name)
      await assert.rejects(
        writeFiles(cid, place.path(`trap-${randomBytes(4).toString('hex')}`), { read, signal }),
        { name: 'Malformed' },
        JSON.stringify(name),
      )
      assert.equal(existsSync(place.path('out')), false)
    }
  })

  it('are refused where one is a symbolic link', async () => {
    const { cid, read } = await folderWith('link', new Uint8Array([0x08, 0x04, 0x12, 0x04, ...Buffer.from('/etc')]))
    await assert.rejects(writeFiles(cid, place.path('linked'), { read, signal }), { name: 'Unsupported' })
  })

  it('are refused where one is shorter than it says', async () => {
    const { cid, read } = await folderWith(
      'short',
      new Uint8Array([0x08, 0x02, 0x12, 0x01, 0x78, 0x18, 0x01, 0x20, 0xff, 0xff, 0xff, 0x7f]),
    )
    await assert.rejects(writeFiles(cid, place.path('short'), { read, signal }), { name: 'Malformed' })
  })

  it('are written with little memory, whatever their size', async () => {
    const file = place.path('large')
    writeFileSync(file, randomBytes(40_000_000))
    let ahead = 0
    await using blocks = await BlockFile.create(place.path('blocks'))
    const source = blocksOf(file, signal)
    let next: IteratorResult<Block, CID> = await source.next()
    for (; !next.done; next = await source.next()) await blocks.add(next.value)
    const read = (cid: CID) => {
      ahead += 1
      return blocks.read(cid)
    }
    const slow = new Writable({ highWaterMark: 1, write: () => {} })
    const stopped = new AbortController()
    const writing = writeStream(next.value as CID, slow, { read, signal: stopped.signal })
    await new Promise((resolve) => setTimeout(resolve, 300))
    stopped.abort()
    await assert.rejects(writing, { name: 'AbortError' })
    assert.ok(ahead < 15, `${ahead} blocks were read for a reader that takes none`)
  })

  it('that change while they are added are refused', async () => {
    const file = place.path('growing')
    writeFileSync(file, 'before')
    const root = CID.parse((await read(file)).at(-1) as string)
    await consume(blocksAgain(file, root, signal))
    writeFileSync(file, 'after')
    await assert.rejects(consume(blocksAgain(file, root, signal)), { name: 'InvalidInput' })
  })

  /** CIDs of the blocks in their order, and the root. */
  const read = async (path: string): Promise<string[]> => {
    const found = []
    const blocks = blocksOf(path, signal)
    let next = await blocks.next()
    for (; !next.done; next = await blocks.next()) found.push(String(next.value.cid))
    return [...new Set([...found, String(next.value)])]
  }
})

/** A UnixFS folder with one entry of the given name and UnixFS data. */
const folderWith = async (name: string, data = new Uint8Array([0x08, 0x02, 0x12, 0x01, 0x78, 0x18, 0x01])) => {
  const blocks = new Map<string, Uint8Array>()
  const put = async (bytes: Uint8Array): Promise<CID> => {
    const cid = CID.createV1(0x70, await sha256.digest(bytes))
    blocks.set(String(cid), bytes)
    return cid
  }
  const child = await put(encode(prepare({ Data: data, Links: [] })))
  const cid = await put(encode(prepare({ Data: new Uint8Array([0x08, 0x01]), Links: [{ Hash: child, Name: name, Tsize: 1 }] })))
  return { cid, read: async (link: CID) => blocks.get(String(link)) as Uint8Array }
}

const consume = async (items: AsyncIterable<unknown>) => {
  for await (const _ of items);
}

/** Every path below a folder with its content. */
const tree = (dir: string): { [path: string]: string | undefined } =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .map((entry) => [
        join(entry.parentPath, entry.name).slice(dir.length),
        entry.isFile() ? readFileSync(join(entry.parentPath, entry.name), 'hex') : undefined,
      ])
      .sort(),
  )
