import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeWallet, encodeWallet, memoryWallet, Symbiont } from '@symbiosis/symbiont'
import { fileWallet } from '@symbiosis/symbiont/node'
import { emptyWallet } from '../../symbiont/wallet.ts'
import { refused, World } from './world.ts'

const PROCESS = fileURLToPath(import.meta.resolve('./wallet-process.ts'))

/** Runs a process that changes the wallet; resolves with what it printed, and kills it after a while if told. */
const change = (file: string, name: string, count: number, killAfter?: number): Promise<string[]> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROCESS, file, name, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (chunk) => {
      // The clock starts when it has begun to work.
      if (out === '' && killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter)
      out += chunk
    })
    child.once('error', reject)
    child.once('close', () => resolve(out.split('\n').filter((line) => line.startsWith('did:'))))
  })

describe('a wallet in a file', () => {
  it('keeps everything from one process to the next, for its owner alone', async () => {
    await using world = new World()
    await world.host('attic')
    const file = join(world.folder(), 'new', 'wallet.json')
    const ada = await world.symbiont(fileWallet(file))
    const { did } = await ada.createSpace()
    await ada.pair('http://attic.test')
    await ada.request({ shelf: {} })
    const again = await world.symbiont(fileWallet(file))
    assert.equal(again.agent, ada.agent)
    assert.equal(again.space, did)
    assert.deepEqual(again.hosts(), ada.hosts())
    assert.deepEqual(again.leases(), ada.leases())
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(statSync(join(file, '..')).mode & 0o777, 0o700)
    assert.deepEqual(readdirSync(join(file, '..')).sort(), ['wallet.json', 'wallet.json.lock'])
    assert.equal(statSync(`${file}.lock`).size, 0)
  })

  it('makes one key however many open it at once', async () => {
    await using world = new World()
    const file = join(world.folder(), 'wallet.json')
    const symbionts = await Promise.all(Array.from({ length: 8 }, () => world.symbiont(fileWallet(file))))
    assert.equal(new Set(symbionts.map(({ agent }) => agent)).size, 1)
  })

  it('loses no change of two processes', async () => {
    await using world = new World()
    const file = join(world.folder(), 'wallet.json')
    const kept = await Promise.all(['a', 'b', 'c'].map((name) => change(file, name, 20)))
    const state = await fileWallet(file).load()
    assert.deepEqual(state?.hosts.map(({ did }) => did).sort(), kept.flat().sort())
    assert.equal(kept.flat().length, 60)
  })

  it('is whole after a kill at any moment, with all that was acknowledged', async () => {
    await using world = new World()
    const file = join(world.folder(), 'wallet.json')
    const acknowledged: string[] = []
    for (let round = 0; round < 12; round++) {
      acknowledged.push(...(await change(file, `k${round}x`, 10_000, 5 + round * 7)))
      const dids = new Set((await fileWallet(file).load())?.hosts.map(({ did }) => did as string))
      assert.deepEqual(
        acknowledged.filter((did) => !dids.has(did)),
        [],
      )
    }
    assert.ok(acknowledged.length > 12)
  })

  it('survives a kill between the draft and its renaming, and clears the draft away', async () => {
    await using world = new World()
    const file = join(world.folder(), 'wallet.json')
    const { agent } = await world.symbiont(fileWallet(file))
    const draft = `${file}.0123456789ab.draft`
    writeFileSync(draft, readFileSync(file, 'utf8').slice(0, 50), { mode: 0o600 })
    const again = await world.symbiont(fileWallet(file))
    assert.equal(again.agent, agent)
    await again.createSpace()
    assert.ok(!existsSync(draft))
  })

  it('is refused when damaged, and never overwritten', async () => {
    await using world = new World()
    const file = join(world.folder(), 'wallet.json')
    await (await world.symbiont(fileWallet(file))).createSpace()
    const good = readFileSync(file, 'utf8')
    const seed = good.indexOf('"seed": "u') + 12
    const flipped = `${good.slice(0, seed)}${good[seed] === 'A' ? 'B' : 'A'}${good.slice(seed + 1)}`
    const damaged = ['', ' ', '{', good.slice(0, -20), good.slice(0, 10), flipped, '{}', 'null', '[]', good.replace('"seed"', '"sead"')]
    for (const text of damaged) {
      writeFileSync(file, text)
      const refusal = await refused(Symbiont.open({ wallet: fileWallet(file) }))
      assert.equal(refusal.name, 'Malformed', JSON.stringify(text.slice(0, 40)))
      assert.match(refusal.hint ?? '', /backup/)
      assert.equal((await refused(fileWallet(file).update(() => emptyWallet()))).name, 'Malformed')
      assert.equal(readFileSync(file, 'utf8'), text)
    }
    writeFileSync(file, good.replace('"symbiosis-wallet": 1', '"symbiosis-wallet": 2'))
    assert.equal((await refused(Symbiont.open({ wallet: fileWallet(file) }))).name, 'Unsupported')
  })

  it('has each flipped bit found', () => {
    const state = { ...emptyWallet(), hosts: [{ did: 'did:key:z6Mkx' as const, name: 'attic', urls: ['http://a/'] }] }
    const bytes = Buffer.from(encodeWallet(state))
    const before = JSON.stringify(decodeWallet(bytes.toString(), 'here'))
    for (let index = 0; index < bytes.length; index++) {
      const other = Buffer.from(bytes)
      other[index] = (other[index] as number) ^ 1
      try {
        // What stands between the values may change: then they are the same.
        assert.equal(JSON.stringify(decodeWallet(other.toString(), 'here')), before)
      } catch (thrown) {
        assert.match((thrown as Error).name, /^(Malformed|Unsupported)$/, `byte ${index}`)
      }
    }
  })

  it('is refused where others could use it', async () => {
    await using world = new World()
    const folder = world.folder()
    const file = join(folder, 'wallet.json')
    await world.symbiont(fileWallet(file))
    chmodSync(file, 0o640)
    const open = await refused(Symbiont.open({ wallet: fileWallet(file) }))
    assert.equal(open.name, 'Denied')
    assert.match(open.hint ?? '', /chmod 600/)
    chmodSync(file, 0o600)
    chmodSync(folder, 0o777)
    assert.equal((await refused((await world.symbiont(fileWallet(file))).createSpace())).name, 'Denied')
    chmodSync(folder, 0o700)
  })

  it('says so where a folder or a file is in the way', async () => {
    await using world = new World()
    const folder = world.folder()
    mkdirSync(join(folder, 'wallet.json'))
    assert.equal((await refused(Symbiont.open({ wallet: fileWallet(join(folder, 'wallet.json')) }))).name, 'InvalidInput')
    writeFileSync(join(folder, 'file'), '')
    assert.equal((await refused(Symbiont.open({ wallet: fileWallet(join(folder, 'file', 'wallet.json')) }))).name, 'InvalidInput')
  })

  it('is not made anew under a running program', async () => {
    await using world = new World()
    const wallet = memoryWallet()
    const ada = await world.symbiont(wallet)
    const gone = { ...wallet, update: (change: Parameters<typeof wallet.update>[0]) => wallet.update(() => change(undefined)) }
    const again = await world.symbiont(gone)
    await again.createSpace()
    assert.equal((await world.symbiont(wallet)).agent, ada.agent)
  })
})
