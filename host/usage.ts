import { type Account, type Amounts, type Charge, type Edge, Failure } from '@symbiosis/protocol'
import type { StoreReader, StoreTransaction } from './store/store.ts'

/**
 * Usage is counted per edge of a lease chain: how much a principal uses by another's leave. So a provider that leases onward is stopped at its own
 * lease whatever it promised, and since an edge is two principals and not a lease, renewing a lease resets nothing.
 */
const KIND = 'usage'

const keyOf = (edge: Edge, service: string, limit: string): string => `${edge.by}/${service}/${limit}`

/** Counts amounts against every edge of the first path that has room. */
export const reserve = async (tx: StoreTransaction, service: string, account: Account, amounts: Amounts): Promise<Charge> => {
  let nearest: Failure | undefined
  for (const path of account) {
    const edges = distinct(path)
    const excess = await findExcess(tx, service, edges, amounts)
    if (!excess) {
      await add(tx, service, edges, amounts)
      return { edges, amounts }
    }
    if (!nearest || roomIn(excess) > roomIn(nearest)) nearest = excess
  }
  // A call that needs no lease is charged to nobody.
  if (!nearest) return { edges: [], amounts }
  throw nearest
}

/** Changes what a charge amounts to. Only growth can be refused. */
export const adjust = async (tx: StoreTransaction, service: string, charge: Charge, amounts: Amounts): Promise<Charge> => {
  const names = new Set([...Object.keys(charge.amounts), ...Object.keys(amounts)])
  const changes = Object.fromEntries([...names].map((name) => [name, (amounts[name] ?? 0) - (charge.amounts[name] ?? 0)]))
  const growth = Object.fromEntries(Object.entries(changes).filter(([, change]) => change > 0))
  const excess = await findExcess(tx, service, charge.edges, growth)
  if (excess) throw excess
  await add(tx, service, charge.edges, changes)
  return { edges: charge.edges, amounts }
}

/** What `edge.to` uses by the leave of `edge.by`, by limit. */
export const usedOf = async (store: StoreReader, edge: Pick<Edge, 'by' | 'to'>, service: string): Promise<Amounts> => {
  const prefix = `${edge.by}/${service}/`
  const entries = await store.list(KIND, edge.to, { prefix })
  return Object.fromEntries(entries.map(({ key, value }) => [key.slice(prefix.length), value as number]))
}

const findExcess = async (
  tx: StoreTransaction,
  service: string,
  edges: readonly Edge[],
  amounts: Amounts,
): Promise<Failure | undefined> => {
  for (const edge of edges) {
    for (const [limit, amount] of Object.entries(amounts)) {
      const most = edge.limits[limit]
      if (most === undefined) continue
      const used = await read(tx, edge, service, limit)
      if (used + amount <= most) continue
      return new Failure('LimitExceeded', `${limit}: ${used} of ${most} are used, and ${amount} more were asked for.`, {
        chain: 'lease',
        field: limit,
        limit: most,
        used,
        asked: amount,
        by: edge.by,
        hint: 'Remove something, or ask the host for a larger lease.',
      })
    }
  }
  return undefined
}

const roomIn = ({ details }: Failure): number => (details.limit ?? 0) - (details.used ?? 0)

const read = async (tx: StoreReader, edge: Edge, service: string, limit: string): Promise<number> =>
  ((await tx.get(KIND, edge.to, keyOf(edge, service, limit))) as number | undefined) ?? 0

const add = async (tx: StoreTransaction, service: string, edges: readonly Edge[], changes: Amounts): Promise<void> => {
  for (const edge of edges) {
    for (const [limit, change] of Object.entries(changes)) {
      if (change === 0) continue
      await tx.put(KIND, edge.to, keyOf(edge, service, limit), (await read(tx, edge, service, limit)) + change)
    }
  }
}

/** A chain that passes the same edge twice pays for it once. */
const distinct = (path: readonly Edge[]): Edge[] => [...new Map(path.map((edge) => [`${edge.by} ${edge.to}`, edge])).values()]
