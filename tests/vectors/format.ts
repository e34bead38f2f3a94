/** The files of this folder, as README.md says field by field. Bytes are base 64 with padding, CIDs and DIDs their text. */
export type Base64 = string
export type Cid = string

/** A value in DAG-JSON: links are `{ "/": cid }`, bytes `{ "/": { "bytes": base 64 without padding } }`. */
export type DagJson = null | boolean | number | string | readonly DagJson[] | { readonly [key: string]: DagJson }

export interface Named {
  readonly name: string
  readonly description: string
}

/** A refusal: its code, and those of its details that every implementation has to agree on. */
export interface Refused {
  readonly code: string
  readonly field?: string
  readonly chain?: string
  readonly link?: Cid
  readonly by?: string
}

export interface CborVector extends Named {
  readonly bytes: Base64
  readonly expect: Refused | { readonly value: DagJson }
}

export interface CarVector extends Named {
  readonly bytes: Base64
  readonly expect: Refused | { readonly roots: readonly Cid[]; readonly blocks: readonly { readonly cid: Cid; readonly bytes: Base64 }[] }
}

export interface UcanVector extends Named {
  readonly bytes: Base64
  readonly expect: Refused | { readonly cid: Cid; readonly claims: DagJson; readonly payload: string; readonly signed: boolean }
}

export interface Ed25519Vector extends Named {
  readonly publicKey: Base64
  readonly message: Base64
  readonly signature: Base64
  readonly expect: { readonly valid: boolean }
}

export interface ReceiptVector extends Named {
  readonly host: string
  /** The invocation that the caller made. */
  readonly ran: Cid
  readonly bytes: Base64
  readonly expect: Refused | { readonly out: DagJson }
}

export interface StreamVector extends Named {
  readonly host: string
  /** The invocation that the caller made. */
  readonly ran: Cid
  readonly bytes: Base64
  /** The message, the bytes of the stream, and what the host broke it off with if it did. */
  readonly expect: Refused | { readonly message: Base64; readonly content: Base64; readonly refusal?: DagJson }
}

export interface ExchangeVector extends Named {
  /** Unix seconds, of every step that has no time of its own. */
  readonly now: number
  readonly bounds?: { readonly [bound: string]: number }
  readonly options?: Options
  readonly steps: readonly Step[]
}

/** What a host is set to, beside its bounds. */
export interface Options {
  /** How the owner answers requests; `ask` leaves them waiting. */
  readonly consent?: 'allow' | 'deny' | 'ask'
  readonly maxPendingPerSpace?: number
  readonly maxRevocationsPerSpace?: number
}

export interface Step {
  readonly now?: number
  readonly message: Base64
  /** A refusal of the message as a whole, or a receipt for each invocation. */
  readonly expect: Refused | { readonly receipts: readonly ExpectedReceipt[] }
}

export interface ExpectedReceipt extends Partial<Refused> {
  readonly ran: Cid
  /** Fields that the answer has, among others that it may have. */
  readonly ok?: { readonly [field: string]: DagJson }
  /** The receipt's own block, where its content is fixed. */
  readonly receipt?: Cid
  readonly allowed?: Allowed
}

/** By what a call was allowed. */
export interface Allowed {
  readonly space: string
  /** The owner chain, from the space down. */
  readonly owner: readonly Cid[]
  /** All lease chains, from the host down. */
  readonly leases: readonly (readonly Edge[])[]
}

export interface Edge {
  readonly by: string
  readonly to: string
  readonly limits: { readonly [limit: string]: number }
}

/** JSON Schema 2020-12 in a small vocabulary, with `ipld` for links and bytes. */
export interface Schema {
  readonly type?: string
  readonly ipld?: string
  readonly properties?: { readonly [field: string]: Schema }
  readonly required?: readonly string[]
  readonly additionalProperties?: false | Schema
  readonly items?: Schema
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly maxLength?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
}

export interface PresumedAbility {
  readonly authority: 'open' | 'leased' | 'operator'
  readonly effect: string
  /** How many seconds ago the logs that a call's delegations name may have been heard of: later than `stale` it is refused; null for no bound. */
  readonly freshness: { readonly fresh: number | null; readonly stale: number | null }
  readonly stream: string
  readonly nb: Schema
  /** What it does, in words. */
  readonly does: string
}

/** The host that exchanges are held with. */
export interface Presumed {
  readonly host: string
  /** The 32 bytes of the host's Ed25519 private key: its receipts are part of what is expected. */
  readonly seed: Base64
  /** Who is who: descriptions call them by name. */
  readonly principals: { readonly [name: string]: string }
  readonly skew: number
  readonly maxLife: number
  readonly bounds: { readonly [bound: string]: number }
  readonly options: Required<Options>
  readonly services: readonly {
    readonly id: string
    readonly limits: readonly string[]
    readonly abilities: { readonly [can: string]: PresumedAbility }
  }[]
}

interface Area<K extends string, V> {
  readonly kind: K
  readonly about: string
  readonly vectors: readonly V[]
}

export type CarBounds = { readonly maxBlocks: number; readonly maxBlockBytes: number }

export type VectorFile =
  | Area<'cbor', CborVector>
  | (Area<'car', CarVector> & { readonly bounds: CarBounds })
  | Area<'ucan', UcanVector>
  | Area<'ed25519', Ed25519Vector>
  | Area<'receipt', ReceiptVector>
  | Area<'stream', StreamVector>
  | (Area<'exchange', ExchangeVector> & { readonly presumed: Presumed })
