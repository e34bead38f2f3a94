import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { brief, generateSeed, type Proof, signerFromSeed } from '@symbiosis/protocol'
import { Owner, RunningHost } from './peers.ts'
import { type Relay, relay } from './relay.ts'

/**
 * Three hosts follow each other; the network splits; both sides revoke; it heals; a fourth host joins late. In the end all four refuse the same, can prove it, and hold
 * each other's whole logs. Ends with 1 where they don't: `npm run demo:revocation`.
 */
const PATIENCE_MS = 30_000
const began = performance.now()
const say = (text: string) => console.log(`${((performance.now() - began) / 1000).toFixed(2).padStart(6)} s  ${text}`)

await using stack = new AsyncDisposableStack()
const dir = mkdtempSync(join(tmpdir(), 'symbiosis-demo-'))
stack.defer(() => rmSync(dir, { recursive: true, force: true }))

/** Waits until something is so. */
const until = async (what: string, look: () => Promise<boolean>): Promise<void> => {
  const since = performance.now()
  while (!(await look())) {
    if (performance.now() - since > PATIENCE_MS) throw new Error(`It did not come to pass that ${what}.`)
    await setTimeout(50)
  }
  say(`${what}   (${Math.round(performance.now() - since)} ms)`)
}

const ways = new Map<string, Relay>()
const way = async (from: string, to: string): Promise<Relay> => {
  const made = stack.use(await relay())
  ways.set(`${from} ${to}`, made)
  return made
}

const NAMES = ['Ada', 'Ben', 'Cleo'] as const
const open = async (name: string, others: readonly string[]): Promise<RunningHost> => {
  const relays = await Promise.all(others.map((other) => way(name, other)))
  return stack.use(
    await RunningHost.start(
      name,
      join(dir, name),
      relays.map(({ url }) => url),
    ),
  )
}
const hosts: RunningHost[] = []
for (const name of NAMES)
  hosts.push(
    await open(
      name,
      NAMES.filter((other) => other !== name),
    ),
  )
const lead = (from: string) => {
  for (const host of hosts) ways.get(`${from} ${host.name}`)?.to(host.url)
}
for (const name of NAMES) lead(name)
const [ada, ben, cleo] = hosts as [RunningHost, RunningHost, RunningHost]
say(`${hosts.map(({ name, url }) => `${name} (${url})`).join(', ')} follow each other`)

const signer = () => signerFromSeed(generateSeed())
const laptop = new Owner("the laptop's", signer(), signer())
const desk = new Owner("the desk's", signer(), signer())
const revoked: { owner: Owner; lent: Proof }[] = []

/** Lends something, sees that it works everywhere, and takes it back at one host. */
const revokeAt = async (host: RunningHost, owner: Owner): Promise<Proof> => {
  const lent = await owner.lend()
  for (const each of hosts) if (await owner.refused(each, lent)) throw new Error(`${each.name} refuses what is good.`)
  const index = await owner.revoke(host, lent)
  revoked.push({ owner, lent })
  say(`${owner.name} delegation ${brief(lent.ucan.cid)} is revoked at ${host.name}: entry ${index + 1} of its log, proved`)
  return lent
}
const refuses = async (host: RunningHost, owner: Owner, lent: Proof) => (await owner.refused(host, lent))?.name === 'Revoked'
const allRefuse = async (owner: Owner, lent: Proof) => {
  for (const host of hosts) if (!(await refuses(host, owner, lent))) return false
  return true
}

const first = await revokeAt(ada, laptop)
await until('all three refuse it', () => allRefuse(laptop, first))

for (const [name, each] of ways) if (name.includes('Cleo')) each.cut()
say('the network splits: Cleo is alone')
const here = await revokeAt(ada, laptop)
const there = await revokeAt(cleo, desk)
await until('Ben refuses what Ada knows', () => refuses(ben, laptop, here))
if (await refuses(cleo, laptop, here)) throw new Error('Cleo can not know that.')
if (await refuses(ada, desk, there)) throw new Error('Ada can not know that.')
say('each side refuses what it knows, and not what only the other does: a host that must not miss a revocation has to be told itself')

for (const each of ways.values()) each.heal()
say('the network heals')
await until('all three refuse all of it', async () => (await allRefuse(laptop, here)) && (await allRefuse(desk, there)))

hosts.push(await open('Dan', ['Cleo']))
lead('Dan')
say('Dan joins late, and follows Cleo alone')
await until('Dan refuses all that was ever revoked', async () => {
  for (const { owner, lent } of revoked) if (!(await allRefuse(owner, lent))) return false
  return true
})

for (const host of hosts) for (const { owner, lent } of revoked) await owner.revoke(host, lent)
say(`all ${hosts.length} hosts refuse all ${revoked.length} delegations, and each proves every one of them by its own log`)
// A host's log begins with its manifest.
const size = 1 + revoked.length
const mirrors = async () => (await Promise.all(hosts.map((host) => host.followed()))).flat()
await until('every mirror is whole, and no host was caught lying', async () =>
  (await mirrors()).every((mirror) => mirror.size === size && mirror.forks.length === 0 && !mirror.problem),
)
