import type { Base64, Cid, DagJson, Named } from '../format.ts'

/** The files of this folder, as README.md says field by field. */
export interface ManifestFile {
  readonly kind: 'manifest'
  readonly about: string
  /** What a manifest may ask of who reads it. */
  readonly bounds: Bounds
  readonly vectors: readonly ManifestVector[]
}

export type Bounds = { readonly [bound: string]: number }

export interface ManifestVector extends Named {
  readonly host: string
  readonly now: number
  readonly seen?: { readonly seq: number; readonly root: Cid }
  /** Blocks of services. */
  readonly have?: readonly Base64[]
  /** In place of single ones of the file. */
  readonly bounds?: Bounds
  readonly manifest: Base64
  readonly expect: { readonly code: string } | Read
}

export interface Read {
  readonly seq: number
  readonly root: Cid
  readonly expires: number
  readonly endpoints: readonly string[]
  readonly services: { readonly [id: string]: DagJson }
}

export interface LoggedFile {
  readonly kind: 'logged-manifest'
  readonly about: string
  /** Of the manifest that all vectors are about: its host, number and root, and the key that it says signs the host's log. */
  readonly host: string
  readonly seq: number
  readonly root: Cid
  readonly key: string
  readonly vectors: readonly LoggedVector[]
}

export interface LoggedVector extends Named {
  readonly log: LoggedJson | null
  readonly expect: { readonly code: string } | { readonly size: number }
}

export interface LoggedJson {
  readonly index: number
  readonly entry: Base64
  readonly proof: readonly Base64[]
  readonly checkpoint: string
  readonly key: Base64
}
