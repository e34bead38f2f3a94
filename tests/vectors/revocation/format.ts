import type { Base64, DagJson, Named } from '../format.ts'

/** The files of this folder, as README.md says field by field. */
export type LogFile =
  | RootFile
  | InclusionFile
  | ConsistencyFile
  | EntryFile
  | NoteFile
  | CheckpointFile
  | TilePathFile
  | BundleFile
  | ShardFile
  | PlaceFile
  | FilterFile

interface FileOf<Kind extends string, Vector> {
  readonly kind: Kind
  readonly about: string
  readonly vectors: readonly Vector[]
}

/** A refusal, and nothing more. */
export interface Refused {
  readonly code: string
}

export interface RootVector extends Named {
  readonly entries: readonly Base64[]
  readonly expect: { readonly root: Base64 }
}
export type RootFile = FileOf<'root', RootVector>

/** Which tree claims are made about. */
interface OfTree {
  readonly entries: readonly Base64[]
}

export interface InclusionVector extends Named {
  readonly index: number
  readonly size: number
  readonly leaf: Base64
  readonly proof: readonly Base64[]
  readonly root: Base64
  readonly expect: Refused | { readonly valid: boolean }
}
export type InclusionFile = FileOf<'inclusion', InclusionVector> & OfTree

export interface ConsistencyVector extends Named {
  readonly from: number
  readonly to: number
  readonly proof: readonly Base64[]
  readonly fromRoot: Base64
  readonly toRoot: Base64
  readonly expect: Refused | { readonly valid: boolean }
}
export type ConsistencyFile = FileOf<'consistency', ConsistencyVector> & OfTree

export interface EntryVector extends Named {
  readonly bytes: Base64
  readonly expect: Refused | { readonly entry: DagJson }
}
export type EntryFile = FileOf<'entry', EntryVector>

export interface NoteVector extends Named {
  readonly note: Base64
  /** Keys that are known. */
  readonly keys: readonly string[]
  /** The names of those that signed, and of others whose signatures say nothing. */
  readonly expect: Refused | { readonly text: string; readonly signed: readonly string[]; readonly unknown: readonly string[] }
}
export type NoteFile = FileOf<'note', NoteVector>

export interface CheckpointVector extends Named {
  readonly text: string
  readonly expect:
    | Refused
    | { readonly origin: string; readonly size: number; readonly root: Base64; readonly extensions: readonly string[] }
}
export type CheckpointFile = FileOf<'checkpoint', CheckpointVector>

export interface TilePathVector extends Named {
  readonly path: string
  readonly expect: Refused | { readonly level: number | 'entries'; readonly index: number; readonly width: number }
}
export type TilePathFile = FileOf<'tile-path', TilePathVector>

export interface BundleVector extends Named {
  readonly bytes: Base64
  readonly width: number
  readonly expect: Refused | { readonly entries: readonly Base64[] }
}
export type BundleFile = FileOf<'bundle', BundleVector>

export interface ShardVector extends Named {
  readonly bytes: Base64
  readonly expect: Refused | { readonly values: readonly number[] }
}
export type ShardFile = FileOf<'shard', ShardVector>

export interface PlaceVector extends Named {
  /** The log's root. */
  readonly log: Base64
  readonly digest: Base64
  readonly bits: number
  readonly expect: Refused | { readonly shard: number }
}
export type PlaceFile = FileOf<'filter-place', PlaceVector>

export interface FilterVector extends Named {
  /** Of the whole log. */
  readonly entries: readonly Base64[]
  readonly now: number
  readonly expect: { readonly bits: number; readonly root: string; readonly head: Base64; readonly shards: readonly Base64[] }
}
export type FilterFile = FileOf<'filter', FilterVector>
