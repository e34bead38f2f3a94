import type { Value } from '@symbiosis/protocol'

/**
 * What a host keeps, as records: a kind, the space they belong to, a key, and a value that DAG-CBOR holds. The space leads every
 * key, so that a larger store can be split by it. Whoever writes a store passes `runStoreTests`; services never see it, they have `Workspace`.
 */
export interface StoreReader {
  get(kind: string, space: string, key: string): Promise<Value | undefined>
  /** Records of one kind and space, in the order of their keys. */
  list(kind: string, space: string, range?: Range): Promise<Entry[]>
  /** Records of one kind in all spaces whose keys begin with `prefix`, in the order of their keys. What is written meanwhile may or may not show. */
  every(kind: string, prefix?: string): AsyncIterable<Entry & { space: string }>
}

/** Which records of a kind and space are listed; all unless told. */
export interface Range {
  prefix?: string
  /** Leaves out keys up to this one. */
  after?: string
  limit?: number
}

/** A record of a kind and space. */
export interface Entry {
  key: string
  value: Value
}

export interface StoreTransaction extends StoreReader {
  /** `expires` (Unix seconds): from then on the record may be gone. */
  put(kind: string, space: string, key: string, value: Value, options?: { expires?: number }): Promise<void>
  delete(kind: string, space: string, key: string): Promise<void>
}

export interface Store extends StoreReader {
  /**
   * Runs `change` alone and resolves when what it wrote is on disk. What it throws undoes all of it and is thrown on. Writes that
   * come together share one commit, so `change` must await nothing but its transaction.
   * @throws Failure Unavailable where the disk is full or failing: nothing was kept
   */
  write<T>(change: (tx: StoreTransaction) => Promise<T>): Promise<T>
  /**
   * Drops what expired before `now`, Unix seconds, a little at a time, so that other writes come between; resolves with how many records went. Stops where the
   * signal aborts: the rest goes another time.
   */
  expire(now: number, signal?: AbortSignal): Promise<number>
  /** Waits for the writes under way. */
  close(): Promise<void>
}
