import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  access,
  type Caller,
  type DID,
  decodeReceipts,
  delegate,
  encodeInvocations,
  extract,
  invoke,
  issueUcan,
  type Proof,
  readReceipt,
  revocation,
  type Ucan,
  unwrap,
} from '@symbiosis/protocol'
import {
  type Logged,
  log,
  logKeyOf,
  originOf,
  type SignedCheckpoint,
  verifyCheckpoint,
  verifyConsistency,
  verifyLogged,
} from '@symbiosis/protocol/revocation'
import { unixChannel } from '@symbiosis/protocol/unix'
import { jar } from '../attacks/jar.ts'
import { alice, folders, phone } from '../fixtures.ts'
import { KILLS, killed, startHost } from './processes.ts'

const now = () => Math.floor(Date.now() / 1000)

/** What a client was told, and must find again. */
interface Told {
  things: Set<string>
  counted: Map<string, { call: Ucan; count: number }>
  revoked: { device: Proof; log: Logged }[]
  leases: Proof[]
  /** Every checkpoint that was handed out, by its size. */
  checkpoints: Map<number, SignedCheckpoint>
}

describe('a host that is killed at any moment', () => {
  const folder = folders()

  it('has lost nothing that it acknowledged', async () => {
    // Two hosts beside each other: starting them is what takes the time.
    await Promise.all([KILLS / 2, KILLS / 2].map((kills) => killAndKill(folder(), kills)))
  }).timeout(60_000 + 2000 * KILLS)
})

const killAndKill = async (dir: string, kills: number): Promise<void> => {
  const told: Told = { things: new Set(), counted: new Map(), revoked: [], leases: [], checkpoints: new Map() }
  let [thing, used] = [0, 0]
  for (let kill = 0; kill < kills; kill++) {
    const { child, did, socket } = await startHost(dir)
    const caller = callerOf(did as DID, socket, alice, told.leases.slice(0, 1))
    if (kill % 10 === 0) await check(caller, told)
    const total = () => told.things.size + told.counted.size + told.revoked.length + told.leases.length
    const before = total()
    const stopped = new AbortController()
    const client = async (work: () => Promise<void>) => {
      while (!stopped.signal.aborted) {
        try {
          await work()
        } catch {
          return // the host is gone
        }
      }
    }
    if (told.leases.length === 0) told.leases.push(await lease(caller))
    const calling = { ...caller, proofs: told.leases.slice(0, 1) }
    const clients = [
      ...Array.from({ length: 4 }, () => client(() => put(calling, told, `t${thing++}`))),
      client(() => count(calling, told)),
      client(() => revoke(calling, told)),
      client(async () => {
        told.leases.push(await lease(calling))
      }),
    ]
    // Mostly while answers come in; now and then at whatever the host does before.
    for (let waited = 0; kill % 5 !== 0 && total() === before && waited < 200; waited++) await sleep(10)
    await sleep(Math.random() * 100)
    await killed(child)
    stopped.abort()
    await Promise.all(clients)
    used += total() > before ? 1 : 0
  }
  const { child, did, socket } = await startHost(dir)
  await check(callerOf(did as DID, socket, alice, told.leases.slice(0, 1)), told)
  await killed(child)
  assert.ok(used > kills / 2, `in ${used} rounds of ${kills} something was acknowledged before the kill`)
  console.log(
    `      ${kills} kills: ${told.things.size} things, ${told.counted.size} calls, ${told.revoked.length} revocations, ${told.leases.length} leases, ${told.checkpoints.size} checkpoints`,
  )
}

const callerOf = (host: DID, socket: string, signer: typeof alice, proofs: readonly Proof[]): Caller => ({
  signer,
  host,
  subject: alice.did,
  proofs,
  channel: unixChannel(socket),
  now,
})

const lease = async (caller: Caller): Promise<Proof> => {
  const limits = { bytes: 1e9, things: 1e6 }
  const { result } = await invoke(caller, access, 'request', { abilities: [{ can: 'jar/*', limits }], ttl: 3600 })
  assert.equal(result.error, undefined)
  return extract(result.ok?.leases?.[0] as Uint8Array)
}

const put = async (caller: Caller, told: Told, thing: string): Promise<void> => {
  const { result } = await invoke(caller, jar, 'put', { thing, size: 1 })
  assert.equal(result.error, undefined)
  told.things.add(thing)
}

const countWith = async (caller: Caller, call: Ucan): Promise<number> => {
  const answer = await caller.channel.request(
    encodeInvocations(
      [call],
      caller.proofs.map(({ ucan }) => ucan),
    ),
  )
  const block = decodeReceipts(answer).get(String(call.cid))
  assert.ok(block)
  return readReceipt<{ count: number }>(block, call.cid, caller.host).out.ok?.count as number
}

const count = async (caller: Caller, told: Told): Promise<void> => {
  const call = await issueUcan(caller.signer, {
    audience: caller.host,
    capabilities: [{ can: 'jar/count', with: caller.subject, nb: {} }],
    expiration: now() + 590,
    nonce: crypto.randomUUID(),
    proofs: caller.proofs.map(({ ucan }) => ucan.cid),
  })
  told.counted.set(String(call.cid), { call, count: await countWith(caller, call) })
}

const revoke = async (caller: Caller, told: Told): Promise<void> => {
  const capabilities = [{ can: 'jar/*', with: alice.did }]
  const device = await delegate(alice, { audience: phone.did, capabilities, expiration: now() + 3600 })
  const { result } = await invoke(caller, revocation, 'revoke', { ucan: device.ucan.cid }, { attach: [device] })
  assert.equal(result.error, undefined)
  const logged = result.ok?.log as Logged
  told.revoked.push({ device, log: logged })
  handOut(told, verifyLogged(logged, { host: caller.host, ucan: device.ucan.cid, by: alice.did }).checkpoint)
}

/** Two of one size are the same: else the host has contradicted itself across a kill. */
const handOut = ({ checkpoints }: Told, given: SignedCheckpoint): void => {
  const known = checkpoints.get(given.size)
  if (known) assert.deepEqual(given.root, known.root, `two logs of ${given.size} entries were signed`)
  checkpoints.set(given.size, given)
}

/** Everything that was told is so: things are there, calls are not run again, what was revoked is, leases hold. */
const check = async (caller: Caller, told: Told): Promise<void> => {
  if (told.leases.length === 0) return
  const [{ result }, counts] = await Promise.all([
    invoke(caller, jar, 'look', {}),
    Promise.all([...told.counted.values()].map(async ({ call, count: first }) => [await countWith(caller, call), first])),
  ])
  const found = new Set(result.ok?.things)
  assert.deepEqual(
    [...told.things].filter((thing) => !found.has(thing)),
    [],
    'things were lost',
  )
  for (const [again, first] of counts) assert.equal(again, first, 'a call ran twice, or lost its answer')
  assert.equal(new Set(counts.map(([again]) => again)).size, counts.length)
  const some = told.revoked.slice(-200)
  const refused = await Promise.all(
    some.map(({ device }) => invoke({ ...caller, signer: phone, proofs: [...caller.proofs, device] }, jar, 'look', {})),
  )
  for (const each of refused) assert.equal(each.result.error?.name, 'Revoked')
  await checkLog(caller, told)
  for (const each of told.leases.slice(-20)) {
    assert.equal((await invoke({ ...caller, proofs: [each] }, jar, 'look', {})).result.error, undefined)
  }
}

/** The log continues each checkpoint that it ever gave. */
const checkLog = async (caller: Caller, told: Told): Promise<void> => {
  const { result } = await invoke(caller, log, 'checkpoint', {})
  const { checkpoint, key } = unwrap(result)
  const now = verifyCheckpoint(checkpoint, { origin: originOf(caller.host), keys: [logKeyOf(caller.host, key)] })
  if (now.size > 0) handOut(told, now)
  for (const then of told.checkpoints.values()) {
    const { size, proof } = unwrap((await invoke(caller, log, 'consistency', { from: then.size })).result)
    assert.equal(size, now.size)
    assert.ok(verifyConsistency({ from: then.size, to: size, proof, fromRoot: then.root, toRoot: now.root }), 'the log was rewritten')
  }
}
