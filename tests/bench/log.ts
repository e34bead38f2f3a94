import { join } from 'node:path'
import { Host, openLog, sqliteStore } from '@symbiosis/host'
import {
  cidOf,
  delegate,
  encodeInvocations,
  generateSeed,
  httpChannel,
  invoke,
  issueUcan,
  type LocalSigner,
  nonce,
  type Proof,
  revocation,
  signerFromSeed,
  unwrap,
} from '@symbiosis/protocol'
import { encodeEntry, inclusionProof, leafHash, type RevocationEntry, rootAt, verifyInclusion } from '@symbiosis/protocol/revocation'
import { openIdentity } from '../../host/identity.ts'
import { hashReader } from '../../host/log/records.ts'
import { type Addition, RevocationLog } from '../../host/log/revocation-log.ts'
import { type Child, start } from './children.ts'
import { newFolder } from './folders.ts'
import { quantile } from './quantile.ts'
import type { Plan } from './rounds.ts'
import { atLeast, atMost, figure, type Row } from './rows.ts'
import { messageOf, noBlocks, now, shelfHost } from './world.ts'

type Process = Child<{ url: string; did: `did:key:z6Mk${string}` }>
const BATCH = 1024

/** The log of revocations: how fast it grows, is followed, and is proved by; and how long it takes for what one host knows to count at another. */
export const theLog = async (plan: Plan): Promise<Row[]> => {
  const dir = join(await newFolder(), 'host')
  const grown = await growing(dir, plan.entries)
  return [...grown, ...(await syncing(dir, plan.entries)), ...(await spreading(plan.rounds * 4))]
}

/** Entries as a host has them, each with the signed call that says so. */
const additions = async (count: number): Promise<Addition[]> => {
  const space = signerFromSeed(generateSeed())
  const audience = signerFromSeed(generateSeed()).did
  const made: Addition[] = []
  for (let index = 0; index < count; index++) {
    const ucan = cidOf(new TextEncoder().encode(`UCAN ${index}`))
    const expiration = now() + 300
    const cause = await issueUcan(space, {
      audience,
      capabilities: [{ can: 'ucan/revoke', with: space.did, nb: { ucan } }],
      expiration,
      nonce: nonce(),
    })
    const entry: RevocationEntry = { kind: 'revocation', ucan, by: space.did, expiration: expiration + 86_400, cause: cause.cid }
    made.push({ entry, evidence: encodeInvocations([cause], []) })
  }
  return made
}

const growing = async (dir: string, count: number): Promise<Row[]> => {
  const identity = openIdentity(dir)
  const store = sqliteStore(join(dir, 'host.sqlite'))
  const log = await RevocationLog.open(identity, store)
  const all = await additions(count)
  const started = performance.now()
  for (let at = 0; at < count; at += BATCH) {
    await store.write(async (tx) => {
      await log.append(tx, all.slice(at, at + BATCH))
    })
  }
  const rate = (count * 1000) / (performance.now() - started)
  const { did } = identity.signer
  const root = await rootAt(count, hashReader(store, did, count))
  const [making, verifying]: [number[], number[]] = [[], []]
  for (let round = 0; round < 200; round++) {
    const index = Math.floor((round / 200) * count)
    const leaf = leafHash(encodeEntry((all[index] as Addition).entry))
    const [began, made] = [performance.now(), await inclusionProof(index, count, hashReader(store, did, count))]
    const proved = performance.now()
    if (!verifyInclusion({ index, size: count, leaf, proof: made, root })) throw new Error('An entry is not proved.')
    making.push(proved - began)
    verifying.push(performance.now() - proved)
  }
  await store.close()
  return [
    atLeast(20_000, { name: 'log: entries appended, 1024 in a commit', value: rate, unit: 'entries/s' }),
    figure({ name: `log: an inclusion proof among ${count} made from disk`, value: quantile(making, 0.5) * 1000, unit: 'µs' }),
    figure({ name: `log: an inclusion proof among ${count} verified`, value: quantile(verifying, 0.5) * 1000, unit: 'µs' }),
  ]
}

/** A new follower of a log that has grown long, over HTTP: everything verified, mirrored, taken over and on disk. */
const syncing = async (dir: string, count: number): Promise<Row[]> => {
  const followed: Process = await start('./log-host.ts', [dir])
  const started = performance.now()
  const host = await Host.open({
    dir: join(await newFolder(), 'host'),
    engine: noBlocks,
    services: () => [shelfHost],
    collectEvery: 0,
    log: openLog({ level: 'error' }),
    follow: [followed.hello.url],
    manifestLife: 0,
  })
  while ((host.followed()[0]?.size ?? 0) < count) await new Promise((resolve) => setTimeout(resolve, 5))
  const seconds = (performance.now() - started) / 1000
  // A filter may have been made meanwhile.
  if ((await host.revocationLog.size()) < count) throw new Error('Not all was taken over.')
  await host.close()
  followed.process.disconnect()
  return [
    ...(count === FULL ? [atMost(10, { name: `log: a new follower of ${count} entries is up to date`, value: seconds, unit: 's' })] : []),
    figure({ name: 'log: entries verified, mirrored and taken over by a new follower', value: count / seconds, unit: 'entries/s' }),
  ]
}

const FULL = 100_000

/** Three processes, of which the second follows the first and the third the second: from an acknowledged revocation until the others refuse. */
const spreading = async (rounds: number): Promise<Row[]> => {
  const dirs = await Promise.all(['a', 'b', 'c'].map(async (name) => join(await newFolder(), name)))
  const [dirA, dirB, dirC] = dirs as [string, string, string]
  const a: Process = await start('./log-host.ts', [dirA])
  const b: Process = await start('./log-host.ts', [dirB, a.hello.url])
  const c: Process = await start('./log-host.ts', [dirC, b.hello.url])
  const space = signerFromSeed(generateSeed())
  const device = signerFromSeed(generateSeed())
  const leases = dirs.map((dir) => leaseBy(openIdentity(dir).signer, space))
  const [leaseA, leaseB, leaseC] = (await Promise.all(leases)) as [Proof, Proof, Proof]
  const [direct, onward]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const proof = await lent(space, device)
    const channel = httpChannel(a.hello.url)
    const caller = { signer: space, host: a.hello.did, subject: space.did, proofs: [leaseA], channel, now }
    const { result } = await invoke(caller, revocation, 'revoke', { ucan: proof.ucan.cid }, { attach: [proof] })
    unwrap(result)
    const acknowledged = performance.now()
    const until = async (host: Process, lease: Proof) => {
      const way = httpChannel(host.hello.url)
      const message = () => messageOf({ signer: device, host: host.hello.did, space: space.did, proofs: [proof, lease] })
      while (!Buffer.from(await way.request(await message())).includes('Revoked')) await new Promise((resolve) => setTimeout(resolve, 1))
      return performance.now() - acknowledged
    }
    const [atB, atC] = await Promise.all([until(b, leaseB), until(c, leaseC)])
    direct.push(atB)
    onward.push(atC)
  }
  for (const { process } of [a, b, c]) process.disconnect()
  const of = (name: string, times: number[], at: number) =>
    figure({ name: `log: from the acknowledgement until ${name} refuses, p${at * 100}`, value: quantile(times, at), unit: 'ms' })
  return [0.5, 0.99].flatMap((at) => [of('a follower', direct, at), of("a follower's follower", onward, at)])
}

const leaseBy = (host: LocalSigner, space: LocalSigner): Promise<Proof> =>
  delegate(host, { audience: space.did, capabilities: [{ can: 'lease/shelf/*', with: host.did }], expiration: now() + 86_400 })

const lent = (space: LocalSigner, device: LocalSigner): Promise<Proof> =>
  delegate(space, { audience: device.did, capabilities: [{ can: 'shelf/*', with: space.did }], expiration: now() + 86_400 })
