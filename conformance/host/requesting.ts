import { extract, Failure, type Proof, serviceOf, ucansOf } from '@symbiosis/protocol'
import type { Sample } from '../guests.ts'
import { Breach, Unseen } from './breach.ts'
import type { Shares } from './lessee.ts'
import type { Answer, CallShape, Peer } from './peer.ts'

/** A request that the owner said yes to. */
export interface Granted {
  /** What it was answered at first, when the same call came again, and at last. */
  readonly first: Answer
  readonly again: Answer
  readonly last: Answer
  readonly leases: readonly Proof[]
}

/** What is asked for of each limit, unless samples use more. */
const ASKED = 1_000_000
/** So many times what the samples use is asked for: the rules run them for one space after the other. */
const RUNS = 100

/** Seconds that leases are asked for. */
export const LIFE = 3600

/** All services, with an amount of every limit: as told, or plenty. */
export const asked = ({ services, samples }: Peer, amounts?: Shares): { can: string; limits: { [limit: string]: number } }[] =>
  services.map(({ id, limits }) => ({
    can: `${id}/*`,
    limits: Object.fromEntries(limits.map((name) => [name, amounts?.[id]?.[name] ?? plenty(samples, id, name)])),
  }))

const plenty = (samples: readonly Sample[], service: string, limit: string): number => {
  const used = samples.filter(({ ability }) => serviceOf(ability) === service).map(({ uses }) => Math.max(0, uses?.[limit] ?? 0))
  return Math.max(ASKED, RUNS * used.reduce((sum, amount) => sum + amount, 0))
}

/**
 * Asks for leases, twice by the same call, and waits for the owner.
 * @throws Breach where the owner doesn't say yes in time
 */
export const request = async (peer: Peer, call: Partial<CallShape>): Promise<Granted> => {
  const { patience = 0, onAsked } = peer.options
  const ends = performance.now() + patience * 1000
  const invocation = await peer.invocation({ ...call, can: 'access/request' })
  const send = async () => (await peer.send([invocation], ucansOf(call.proofs ?? [])))[0] as Answer
  const [first, again] = [await send(), await send()]
  if (first.ok?.state === 'pending') onAsked?.(String(first.ok.code))
  let last = first
  while (last.ok?.state === 'pending' && performance.now() < ends) {
    const nb = { request: last.ok.request as never }
    last = await peer.call({ ...call, can: 'access/wait', nb }).catch((thrown: unknown) => {
      // It may hold the answer back for longer than other calls take.
      if (thrown instanceof Failure && thrown.name === 'Cancelled') return last
      throw thrown
    })
  }
  const { ok, error } = last
  if (error) throw new Breach(`Asked for leases it answers ${error.name}: ${error.message}`)
  if (ok.state !== 'granted') throw new Unseen('Its owner has not said yes to the leases that the rules about leases need.')
  return { first, again, last, leases: (ok.leases as Uint8Array[]).map(extract) }
}
