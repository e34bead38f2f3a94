import type { Account, DID, Environment, Hooks, Records, Transaction, Value, Workspace } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import type { Store, StoreReader, StoreTransaction } from './store/store.ts'
import { adjust, reserve } from './usage.ts'

/** Which roots a space holds, and through which service: `<root>/<service>`. Holding is what keeps blocks and what lets a space read them. */
const HELD = 'held'
const recordsOf = (service: string): string => `service/${service}`

type OnHeld = NonNullable<Hooks['held']>

/** One service's view of the store for one space. It reaches no other service's records and no other space's. */
export const workspaceOf = (
  store: Store,
  service: string,
  space: DID,
  account: Account,
  onHeld: OnHeld,
  /** Runs in every commit's transaction, with what the commit resolves to. */
  also: (tx: StoreTransaction, value: unknown) => Promise<void> = async () => {},
): Workspace => ({
  ...recordsIn(store, service, space),
  async commit<T>(change: (tx: Transaction) => Promise<T>): Promise<T> {
    const held: CID[] = []
    const value = await store.write(async (tx) => {
      const changed = await change(transactionOn(tx, service, space, account, held))
      await also(tx, changed)
      return changed
    })
    for (const root of held) await onHeld(space, root)
    return value
  },
})

/** What a service is given when it opens. */
export const environmentOf = (
  store: Store,
  service: string,
  { now, signal, log, onHeld }: Pick<Environment, 'now' | 'signal' | 'log'> & { onHeld: OnHeld },
): Environment => ({
  space: (space, account = []) => workspaceOf(store, service, space, account, onHeld),
  async *every(prefix) {
    for await (const { space, key, value } of store.every(recordsOf(service), prefix)) yield { space: space as DID, key, value }
  },
  now,
  signal,
  log,
})

/** Every root that any space holds. */
export async function* heldRoots(store: Store): AsyncGenerator<CID> {
  let last = ''
  for await (const { key } of store.every(HELD)) {
    const root = key.split('/', 1)[0] as string
    if (root !== last) yield CID.parse(root)
    last = root
  }
}

const recordsIn = (reader: StoreReader, service: string, space: DID): Records => ({
  get: (key) => reader.get(recordsOf(service), space, key),
  list: (range) => reader.list(recordsOf(service), space, range),
  async holds(root) {
    const held = await reader.list(HELD, space, { prefix: `${root}/` })
    return held.length > 0 ? { complete: held.some(({ value }) => (value as { complete: boolean }).complete) } : undefined
  },
})

const transactionOn = (tx: StoreTransaction, service: string, space: DID, account: Account, held: CID[]): Transaction => ({
  ...recordsIn(tx, service, space),
  put: (key, value: Value) => tx.put(recordsOf(service), space, key, value),
  delete: (key) => tx.delete(recordsOf(service), space, key),
  reserve: (amounts) => reserve(tx, service, account, amounts),
  adjust: (charge, amounts) => adjust(tx, service, charge, amounts),
  async hold(root, { complete = false } = {}) {
    await tx.put(HELD, space, `${root}/${service}`, { complete })
    held.push(root)
  },
  unhold: (root) => tx.delete(HELD, space, `${root}/${service}`),
})
