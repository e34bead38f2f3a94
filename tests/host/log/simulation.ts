import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Channel, CLOCK_SKEW, homeLogsFact, type Proof } from '@symbiosis/protocol'
import { type Reach, sqliteStore } from '../../../host/index.ts'
import { alice, given, hostSigner, laptop, NOW, phone, type World } from '../../fixtures.ts'
import { type Death, MortalStore } from './mortal-store.ts'
import { Network } from './network.ts'
import type { Event } from './schedule.ts'
import { type Tide, tide, tideService } from './tide.ts'

const nameOf = (index: number | '') => `host-${index}`

/** What alice lent her phone: what is shown, what of it she takes back, and the hosts whose logs speak for it. */
interface Lent {
  readonly proof: Proof
  readonly revoked: Proof
  readonly logs: readonly number[]
}

/** Hosts of a simulation in a row, in folders that keep their keys from one to the next. */
export class Sea {
  readonly root: string
  lent: readonly Lent[] = []

  /** @param shared where there is one, a folder in memory: each commit waits for the disk else */
  constructor(shared: string | undefined) {
    this.root = mkdtempSync(join(shared ?? tmpdir(), 'symbiosis-'))
  }

  dir = (index: number) => join(this.root, nameOf(index))

  async lend(): Promise<void> {
    const log = (index: number) => ({ did: hostSigner(this.dir(index)).did, url: `http://${nameOf(index)}/` })
    const over = (...logs: number[]) => ({ can: 'tide/*', expiration: null, facts: [homeLogsFact(logs.map(log))] })
    const upper = await given(alice, laptop, alice.did, over(2))
    const made = [await given(alice, phone, alice.did, over(0)), await given(alice, phone, alice.did, over(0, 1))]
    const bare = await given(alice, phone, alice.did, { can: 'tide/*', expiration: null })
    const lower = await given(laptop, phone, alice.did, { ...over(0), proofs: [upper] })
    this.lent = [
      { proof: made[0] as Proof, revoked: made[0] as Proof, logs: [0] },
      { proof: made[1] as Proof, revoked: made[1] as Proof, logs: [0, 1] },
      { proof: bare, revoked: bare, logs: [] },
      { proof: lower, revoked: upper, logs: [0, 2] },
    ]
  }

  remove = () => rmSync(this.root, { recursive: true, force: true })
}

/** One host as the simulation knows it. */
interface Node {
  world: World
  store: MortalStore
  lease: Proof
  /** Seconds by which its clock is off. */
  off: number
  /** Whether it has lived before: of what it knew then, clocks alone tell the age. */
  reborn: boolean
  /** Delegations that it has refused as revoked. */
  readonly refused: Set<number>
}

/** Holds some hosts against what was acknowledged to whom, while their network, clocks and processes fail. */
export class Simulation {
  readonly #sea: Sea
  readonly #network = new Network()
  readonly #nodes: Node[] = []
  readonly #cut = new Set<string>()
  /** When a revocation was acknowledged, by delegation and host; and the delegations of which it was asked. */
  readonly #acknowledged = new Map<string, number>()
  readonly #asked = new Set<number>()
  #time = NOW
  #delay: { what: number; seconds: number } | undefined
  /** Calls that were accepted, and that were not. */
  readonly seen = { accepted: 0, refused: 0 }

  constructor(sea: Sea) {
    this.#sea = sea
  }

  async run(hosts: number, events: readonly Event[]): Promise<void> {
    try {
      for (let index = 0; index < hosts; index++) {
        rmSync(join(this.#sea.dir(index), 'host.sqlite'), { force: true })
        for (const end of ['-wal', '-shm']) rmSync(join(this.#sea.dir(index), `host.sqlite${end}`), { force: true })
        this.#nodes[index] = await this.#open(index, { off: 0, reborn: false, refused: new Set() })
      }
      if (this.#sea.lent.length === 0) await this.#sea.lend()
      for (const event of events) await this.#happen(event)
      await this.#calm()
    } finally {
      await Promise.all(this.#nodes.map(({ world }) => world.close()))
    }
  }

  async #open(index: number, node: Pick<Node, 'off' | 'reborn' | 'refused'>): Promise<Node> {
    const dir = this.#sea.dir(index)
    const store = new MortalStore(sqliteStore(join(dir, 'host.sqlite')))
    const world = await this.#network.open(nameOf(index), {
      dir,
      store,
      services: [tideService()],
      now: () => this.#wall(index, node.off),
      grace: 0,
      filterEvery: 0,
      // Logs that can't be heard of are asked again at once: time stands still meanwhile. A call may join an attempt that began too early for it.
      maxDecisions: 4,
      followNamed: 'any',
      following: {
        elapsed: () => this.#time,
        namedBackoff: 0,
        maxNamedBackoff: 0,
        reachNamed: (url) => this.#reach(index, url),
      },
    })
    const lease = await world.lease(alice, { can: 'lease/tide/*', expiration: NOW * 2 })
    return { ...node, world, store, lease }
  }

  #wall = (index: number, off = 0) => this.#time + (this.#nodes[index]?.off ?? off)

  /** The way of the network, on which an answer may be delayed. */
  #reach(from: number, url: string): Reach {
    const to = Number(new URL(url).hostname.slice(nameOf('').length))
    const { channel, about } = this.#network.reach(nameOf(from), url)
    const request: Channel['request'] = async (...sent) => {
      const answer = await channel.request(...sent)
      const delay = this.#delay
      this.#delay = undefined
      if (delay) {
        await this.#revoke(to, delay.what)
        this.#time += delay.seconds
      }
      return answer
    }
    return { about, channel: { ...channel, request } }
  }

  async #happen(event: Event): Promise<void> {
    switch (event.do) {
      case 'revoke':
        return this.#dying(event, () => this.#revoke(event.at, event.what))
      case 'call':
        return this.#dying(event, () => this.#call(event.at, event.what, event.can))
      case 'delay':
        this.#delay = event
        return
      case 'cut': {
        const [a, b] = event.between
        this.#network.cut(nameOf(a), nameOf(b))
        this.#cut.add(`${a} ${b}`).add(`${b} ${a}`)
        return
      }
      case 'heal':
        return this.#heal()
      case 'pass':
        this.#time += event.seconds
        return
      case 'set':
        this.#node(event.at).off = event.off
        return
      case 'crash':
        return this.#crash(event.at, event.off)
    }
  }

  /** Something in which a host may be killed where it writes, and lives again after that. */
  async #dying({ at, killed }: { at: number; killed?: Death | undefined }, happens: () => Promise<unknown>): Promise<void> {
    const { store } = this.#node(at)
    store.killAtWrite(killed)
    await happens()
    store.killAtWrite(undefined)
    await store.idle()
    if (!store.alive) await this.#crash(at, 0)
  }

  #node = (index: number) => this.#nodes[index] as Node

  async #revoke(at: number, what: number): Promise<void> {
    const { world, lease, store } = this.#node(at)
    const { revoked } = this.#sea.lent[what] as Lent
    this.#asked.add(what)
    const call = { can: 'ucan/revoke', nb: { ucan: revoked.ucan.cid }, proofs: [lease], attach: [revoked], expiration: this.#wall(at) + 60 }
    const { error } = await world.call(alice, call)
    if (error) assert.ok(!store.alive, `a revocation is refused: ${error.name} ${error.message}`)
    else if (!this.#acknowledged.has(`${what} ${at}`)) this.#acknowledged.set(`${what} ${at}`, this.#time)
  }

  async #call(at: number, what: number, can: Tide): Promise<string> {
    const node = this.#node(at)
    const { proof } = this.#sea.lent[what] as Lent
    const [began, mayFail] = [this.#time, this.#mayFail(at, what)]
    const call = { can: `tide/${can}`, subject: alice.did, proofs: [proof, node.lease], expiration: this.#wall(at) + 60 }
    const { error } = await node.world.call(phone, call)
    const code = error?.name ?? 'ok'
    this.seen[error ? 'refused' : 'accepted']++
    if (code === 'Revoked') {
      assert.ok(this.#asked.has(what), 'what nobody revoked is refused as revoked')
      node.refused.add(what)
    } else if (code === 'ok') this.#mustBeAcceptable(at, what, can, began)
    // Who waited for a log may have outlived their call.
    else if (node.store.alive) assert.equal(code, this.#time > began + 60 + CLOCK_SKEW ? 'Expired' : 'StaleLog')
    if (!mayFail && node.store.alive && code !== 'Expired')
      assert.equal(code, 'ok', `what isn't revoked is refused at ${at}, which reaches all of its logs`)
    return code
  }

  #mustBeAcceptable(at: number, what: number, can: Tide, began: number): void {
    const node = this.#node(at)
    assert.ok(!node.refused.has(what), 'what was refused as revoked is accepted again')
    assert.ok(!this.#acknowledged.has(`${what} ${at}`), 'what was revoked here is accepted')
    const { stale } = tide.abilities[can].freshness
    if (stale === null) return
    for (const log of (this.#sea.lent[what] as Lent).logs) {
      const since = this.#acknowledged.get(`${what} ${log}`)
      if (since === undefined) continue
      const age = began - since
      const most = stale + (node.reborn ? CLOCK_SKEW : 0)
      assert.ok(age <= most, `what was revoked at ${log} is accepted ${age} s later, and ${most} s are allowed`)
    }
  }

  /** Whether a call may be refused: where it is revoked perhaps, or where a log can't be heard of. */
  #mayFail(at: number, what: number): boolean {
    const { logs } = this.#sea.lent[what] as Lent
    const isWrong = (index: number) => Math.abs(this.#node(index).off) > CLOCK_SKEW / 2
    const others = logs.filter((log) => log !== at)
    return (
      this.#asked.has(what) ||
      this.#delay !== undefined ||
      others.some((log) => this.#cut.has(`${at} ${log}`) || isWrong(log)) ||
      (others.length > 0 && isWrong(at))
    )
  }

  #heal(): void {
    this.#network.heal()
    this.#cut.clear()
  }

  /** Kills a host at any time but while its clock is wrong: what it notes by a wrong clock it notices when that is put right, as long as it lives. */
  async #crash(at: number, off: number): Promise<void> {
    const { world, store, refused } = this.#node(at)
    if (store.alive && Math.abs(this.#node(at).off) > CLOCK_SKEW / 2) {
      this.#node(at).off = off
      for (const what of this.#sea.lent.keys()) await this.#call(at, what, 'today')
    }
    store.kill()
    await world.close()
    this.#nodes[at] = await this.#open(at, { off, reborn: true, refused })
  }

  /** In the end, when all is well again, everybody agrees. */
  async #calm(): Promise<void> {
    this.#heal()
    this.#delay = undefined
    for (const node of this.#nodes) node.off = 0
    for (const [what, { logs }] of this.#sea.lent.entries()) {
      for (const at of this.#nodes.keys()) {
        this.#time++
        let code = await this.#call(at, what, 'now')
        // An answer that was delayed may have been under way beside the last event.
        if (code === 'Expired') code = await this.#call(at, what, 'now')
        const isKnown = [...logs, at].some((each) => this.#acknowledged.has(`${what} ${each}`))
        if (isKnown) assert.equal(code, 'Revoked', `what was revoked is not known at ${at}`)
      }
    }
  }
}
