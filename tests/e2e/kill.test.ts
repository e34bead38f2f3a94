import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pull, push } from '@symbiosis/capabilities/dag/symbiont'
import { pin } from '@symbiosis/capabilities/pin'
import { type Block, cidOf, encode, isAbort } from '@symbiosis/protocol'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
import type { CID } from 'multiformats/cid'
import { KILLS } from '../host/processes.ts'

const WRITERS = 4

/** What the host acknowledged, and what was asked of it when it died: either may be true of the latter. */
class Ledger {
  readonly pinned = new Map<string, { root: CID; bytes: number }>()
  readonly removed = new Set<string>()
  /** Devices whose delegation was taken back. */
  readonly revoked: Symbiont[] = []
  readonly unsure = new Set<string>()
  acknowledged = 0
}

describe('kill -9 of a host while pins, imports and revocations run', function () {
  this.timeout(8000 * Math.max(KILLS, 50))

  const dir = mkdtempSync(join(tmpdir(), 'symbiosis-kill-'))
  let child: ChildProcess | undefined

  after(async () => {
    await kill(child)
    rmSync(dir, { recursive: true, force: true })
  })

  it(`loses nothing that was acknowledged, over ${KILLS} kills`, async () => {
    const port = await freePort()
    const ledger = new Ledger()
    child = await start(dir, port)
    await using laptop = await Symbiont.open({ wallet: memoryWallet() })
    await laptop.createSpace()
    await laptop.pair(`http://127.0.0.1:${port}`)
    await laptop.request({ pin: {}, dag: {} })

    for (let round = 0; round < KILLS; round++) {
      const running = new AbortController()
      const writers = Array.from({ length: WRITERS }, (_, index) => write(laptop, ledger, round * WRITERS + index, running.signal))
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400))
      running.abort()
      await kill(child)
      await Promise.all(writers)
      child = await start(dir, port)
      await verifyList(laptop, ledger)
    }
    await verifyContent(laptop, ledger)
    await verifyRevocations(ledger)
    assert.ok(ledger.acknowledged > KILLS, `only ${ledger.acknowledged} acknowledgements in all: the kills came too early to mean anything`)
  })
})

/** Pins DAGs of its own until the host dies, now and then unpinning one or revoking a delegation, and notes every acknowledgement. */
const write = async (laptop: Symbiont, ledger: Ledger, seed: number, signal: AbortSignal): Promise<void> => {
  const mine: string[] = []
  for (let count = 0; !signal.aborted; count++) {
    const dag = randomDag(`${seed} ${count}`)
    const name = String(dag.root)
    ledger.unsure.add(name)
    try {
      await push(laptop, { root: dag.root, blocks: dag.blocks, retries: 0, signal })
      const { status } = await laptop.use(pin).add({ root: dag.root }, { signal })
      assert.equal(status, 'pinned')
      ledger.pinned.set(name, { root: dag.root, bytes: dag.bytes })
      ledger.unsure.delete(name)
      ledger.acknowledged++
      mine.push(name)
      if (ledger.acknowledged % 3 === 0) await remove(laptop, ledger, mine.shift() as string, signal)
      if (ledger.acknowledged % 5 === 0) await revoke(laptop, ledger, signal)
    } catch (error) {
      if (isAbort(error) || ['Unavailable', 'Cancelled', 'Malformed'].includes((error as Error).name)) return
      throw error
    }
  }
}

const remove = async (laptop: Symbiont, ledger: Ledger, name: string, signal: AbortSignal): Promise<void> => {
  const { root } = ledger.pinned.get(name) as { root: CID }
  ledger.pinned.delete(name)
  ledger.unsure.add(name)
  await laptop.use(pin).remove({ root }, { signal })
  ledger.unsure.delete(name)
  ledger.removed.add(name)
  ledger.acknowledged++
}

const revoke = async (laptop: Symbiont, ledger: Ledger, signal: AbortSignal): Promise<void> => {
  const phone = await Symbiont.open({ wallet: memoryWallet() })
  const { token } = await laptop.delegate(phone.agent, ['pin/list'])
  await phone.accept(token)
  await laptop.revoke(token, { signal })
  ledger.revoked.push(phone)
  ledger.acknowledged++
}

const verifyList = async (laptop: Symbiont, ledger: Ledger): Promise<void> => {
  const listed = new Map<string, { status: string; bytes: number }>()
  let after: string | undefined
  do {
    const page = await laptop.use(pin).list({ after, limit: 500 })
    for (const each of page.pins) listed.set(String(each.root), each)
    after = page.next
  } while (after !== undefined)
  for (const [name, { bytes }] of ledger.pinned) {
    assert.equal(listed.get(name)?.status, 'pinned', `the pin ${name} was acknowledged and is gone`)
    assert.equal(listed.get(name)?.bytes, bytes)
  }
  for (const name of ledger.removed) assert.ok(!listed.has(name), `the removal of ${name} was acknowledged and is undone`)
  for (const name of listed.keys()) assert.ok(ledger.pinned.has(name) || ledger.unsure.has(name), `nobody asked for ${name}`)
}

const verifyContent = async (laptop: Symbiont, ledger: Ledger): Promise<void> => {
  for (const { root, bytes } of ledger.pinned.values()) {
    let read = 0
    for await (const block of pull(laptop, { root })) read += block.bytes.length
    assert.equal(read, bytes)
  }
}

const verifyRevocations = async (ledger: Ledger): Promise<void> => {
  assert.ok(ledger.revoked.length > 0)
  for (const phone of ledger.revoked) {
    const { error } = await phone.try(pin).list({})
    assert.equal(error?.name, 'Revoked', 'a revocation was acknowledged and is undone')
    await phone.close()
  }
}

/** A root with a few raw leaves: content that nobody else has. */
const randomDag = (seed: string): { root: CID; bytes: number; blocks: () => AsyncIterable<Block> } => {
  const leaves = Array.from({ length: 1 + Math.floor(Math.random() * 6) }, (_, index) => {
    const bytes = crypto.getRandomValues(new Uint8Array(1 + Math.floor(Math.random() * 32_768)))
    bytes[0] = index
    return { cid: cidOf(bytes, 0x55), bytes }
  })
  const bytes = encode({ seed, leaves: leaves.map(({ cid }) => cid) })
  const all = [...leaves, { cid: cidOf(bytes), bytes }]
  return {
    root: cidOf(bytes),
    bytes: all.reduce((sum, block) => sum + block.bytes.length, 0),
    async *blocks() {
      yield* all
    },
  }
}

const start = async (dir: string, port: number): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'kill-host.ts'), dir, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await Promise.race([once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line'), once(child, 'exit')])
  assert.match(String(line), /^http:/, 'the host did not start again')
  return child
}

const kill = async (child: ChildProcess | undefined): Promise<void> => {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
