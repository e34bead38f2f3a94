import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'

const RUN = join(import.meta.dirname, 'run.ts')

/** What is promised: the start of the names of its rows, with the goal. */
const GOALS: readonly [name: string, goal: string][] = [
  ...[0, 1, 3, 10].map((length): [string, string] => [`server part: owner chain ${length}`, 'at least 72']),
  ['server part: owner chain 10 against owner chain 0', 'at least 93'],
  ...[0, 1, 3, 10].map((length): [string, string] => [`server part with sodium-native: owner chain ${length}`, 'at least 115']),
  ...[0, 1, 3, 10].map((length): [string, string] => [`owner chain ${length}: ours against stock, owner chain and lease`, 'at least 35']),
  ['over HTTP: ours, owner chain 1 and lease, CPU against the JWT', 'at most 0.87'],
  ['over HTTP: ours with sodium-native, CPU against the JWT', 'at most 0.62'],
  ['over HTTP: ours, 16 calls in a message against single ones', 'at least 1.4'],
  ...[1, 3, 10].map((length): [string, string] => [`cold: owner chain ${length} and lease`, 'at least 50']),
  ['durable: pin/add of a root that is held, 64 spaces, against the reads', 'at least 0.7'],
  ['two processes against one: calls/s', 'at least 1.8'],
  ['symbiont: invoke and encode, against stock with OpenSSL', 'at least 4'],
  ['symbiont: decode and verify a receipt, against stock with OpenSSL', 'at least 2'],
  ['load: 200 half-open connections, p99', 'at most 2'],
  ['load: 50 strangers with expensive messages, p99', 'at most 2'],
  ['load: in use by the host under attack', 'at most 273'],
  ['load: the most that the host ever held', 'at most 819'],
  ['log: entries appended', 'at least 20000'],
  ['cutting: 100 open streams, from the call that revokes until they have ended, p99', 'at most 1000'],
  ['memory: a remembered UCAN', 'at most 4000'],
  ['memory: after 400 tenants, heap and buffers', 'at most 89'],
  ['revocations: a check among 0, miss', 'at most 1000'],
  ...['hit', 'miss'].map((kind): [string, string] => [`revocations: a check among 100000, ${kind}`, 'at most 1000']),
  ['revocations: a call among 100000 against one among 0', 'at most 1.05'],
  ['revocations: the index of 100000, each', 'at most 16'],
  ['revocations: a start with 100000', 'at most 10'],
  ['filter: a key of 100000', 'at most 9.6'],
  ['filter: the largest of 2 shards', 'at most 79'],
  ['filter: of 100000 strangers, taken for revoked', 'at most 0.45'],
]

describe('npm run bench -- --quick --json', () => {
  it('prints one document of rows, with every goal and whether it holds', async () => {
    // No figure is judged here: what a machine can do while it tests says nothing.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [RUN, '--quick', '--json'])
    assert.equal(stderr, '')
    const { machine, node, rows, ...rest } = JSON.parse(stdout)
    assert.deepEqual(rest, {})
    assert.deepEqual(Object.keys(machine), ['cpu', 'cores', 'platform', 'load'])
    assert.equal(node, process.version)
    for (const row of rows) {
      assert.deepEqual(Object.keys(row), ['name', 'value', 'unit', 'goal', 'direction', 'holds'])
      assert.ok(Number.isFinite(row.value) && row.value > 0, JSON.stringify(row))
      const judged = row.direction === 'at least' ? row.value >= row.goal : row.direction === 'at most' ? row.value <= row.goal : null
      assert.equal(row.holds, judged, JSON.stringify(row))
      assert.equal(row.goal === null, judged === null, JSON.stringify(row))
    }
    const names = rows.map(({ name, unit }: { name: string; unit: string }) => `${name}, ${unit}`)
    assert.equal(new Set(names).size, names.length, 'no figure stands there twice')
    for (const [name, goal] of GOALS) {
      const row = rows.find((each: { name: string; goal: unknown }) => each.name.startsWith(name) && each.goal !== null)
      assert.equal(row && `${row.direction} ${row.goal}`, goal, name)
    }
    for (const part of ['anchor', 'protocol pipeline']) assert.ok(names.some((name: string) => name.startsWith(part)))
  }).timeout(180_000)

  it('leaves no folder behind when it is told to end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'symbiosis-ended-bench-'))
    const left = async () => (await readdir(folder)).filter((name) => name.startsWith('symbiosis-bench-'))
    // One host in the process that is told, and one in a process of its own.
    for (const part of ['cold', 'memory']) {
      const bench = spawn(process.execPath, [RUN, '--only', part], { env: { ...process.env, TMPDIR: folder }, stdio: 'ignore' })
      while ((await left()).length === 0) {
        assert.equal(bench.exitCode, null)
        await setTimeout(20)
      }
      const ended = once(bench, 'exit')
      bench.kill('SIGTERM')
      assert.deepEqual(await ended, [143, null])
      while ((await left()).length > 0) await setTimeout(20)
    }
    await rm(folder, { recursive: true })
  }).timeout(60_000)
})
