import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { type Channel, Failure, type LocalSigner, type Proof } from '@symbiosis/protocol'
import type { Reach } from '../../../host/index.ts'
import { alice, given, phone, World, type WorldOptions } from '../../fixtures.ts'

/** Hosts of one process that reach each other by name, as long as nobody cuts the way. */
export class Network {
  readonly #hosts = new Map<string, World>()
  readonly #cut = new Set<string>()

  /** Opens a host that follows others by their names. */
  async open(name: string, { follow = [], following, ...options }: WorldOptions): Promise<World> {
    const world = await World.open({
      ...options,
      follow: follow.map((other) => `http://${other}`),
      following: { backoff: 0.02, maxBackoff: 0.05, pullEvery: 0.5, reach: (url) => this.reach(name, url), ...following },
    })
    this.#hosts.set(name, world)
    return world
  }

  /** Lets nothing pass between two hosts, either way; what is under way ends. */
  cut(a: string, b: string): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`)
  }

  heal(): void {
    this.#cut.clear()
  }

  reach(from: string, url: string): Reach {
    const to = new URL(url).hostname
    const pass = async <T>(use: (channel: Channel) => Promise<T>): Promise<T> => {
      const world = this.#hosts.get(to)
      if (!world || this.#cut.has(`${from} ${to}`)) throw new Failure('Unavailable', `${to} can't be reached.`, { reason: 'cut' })
      return use(world.channel)
    }
    const channel: Channel = {
      url,
      request: (message, options) => pass((way) => way.request(message, options)),
      open: async (message, options) => {
        const answer = await pass((way) => way.open(message, options))
        const passing = new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            if (this.#cut.has(`${from} ${to}`)) controller.error(new Failure('Unavailable', 'The connection broke.'))
            else controller.enqueue(chunk)
          },
        })
        return { message: answer.message, ...(answer.body && { body: answer.body.pipeThrough(passing) }) }
      },
    }
    return { channel, about: () => pass(async () => (this.#hosts.get(to) as World).did) }
  }
}

/** What alice lent her phone, taken back at a host. */
export const revokeAt = async (world: World, over: { by?: LocalSigner; proof?: Proof } = {}): Promise<Proof> => {
  const { by = alice, proof = await given(alice, phone, alice.did) } = over
  const lease = await world.lease(by)
  const { error } = await world.call(by, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [lease], attach: [proof] })
  assert.equal(error, undefined)
  return proof
}

/** Whether a host takes what alice lent her phone: `ok`, or the code of its refusal. */
export const taken = async (world: World, proof: Proof): Promise<string> => {
  const { error } = await world.call(phone, { subject: alice.did, proofs: [proof, await world.lease(alice)] })
  return error?.name ?? 'ok'
}

/** How long is waited for what happens soon. Who expects that it never will may shorten it. */
const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 20_000)

/** Waits for what happens soon; a test that waits too long says what it saw last. */
export const soon = async <T>(look: () => T | Promise<T>, expected: T): Promise<void> => {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const seen = await look()
    try {
      return assert.deepEqual(seen, expected)
    } catch (thrown) {
      if (performance.now() > end) throw thrown
    }
    await setTimeout(10)
  }
}
