import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

export interface Block {
  cid: CID
  bytes: Uint8Array
}

export const RAW = 0x55

export const blockOf = (codec: number, bytes: Uint8Array, hash: 'sha256' | 'sha512' = 'sha256'): Block => {
  const digest = Digest.create(hash === 'sha256' ? 0x12 : 0x13, createHash(hash).update(bytes).digest())
  return { cid: CID.createV1(codec, digest), bytes }
}
export const leaf = (size = 32): Block => blockOf(RAW, randomBytes(size))
export const cborNode = (value: unknown): Block => blockOf(dagCbor.code, dagCbor.encode(value))
export const pbNode = (children: readonly Block[]): Block =>
  blockOf(dagPb.code, dagPb.encode({ Data: new Uint8Array(2), Links: children.map(({ cid }) => ({ Name: '', Tsize: 1, Hash: cid })) }))
export const identityCid = (codec: number, bytes: Uint8Array): CID => CID.createV1(codec, Digest.create(0, bytes))

/** A balanced dag-pb file: its root, and all blocks, parents first. */
export const file = (leaves: number, size: number, fan = 174): { root: Block; blocks: Block[] } => {
  let level = Array.from({ length: leaves }, () => leaf(size))
  const levels = [level]
  while (level.length > 1) {
    const next: Block[] = []
    for (let at = 0; at < level.length; at += fan) next.push(pbNode(level.slice(at, at + fan)))
    levels.unshift(next)
    level = next
  }
  return { root: level[0] as Block, blocks: levels.flat() }
}

/** Temporary folders of one suite, removed after it. */
export const folders = (): (() => Promise<string>) => {
  const made: string[] = []
  after(() => Promise.all(made.map((path) => rm(path, { recursive: true, force: true, maxRetries: 5 }))))
  return async () => {
    const path = await mkdtemp(join(tmpdir(), 'symbiosis-engine-'))
    made.push(path)
    return path
  }
}

export const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** For `assert.rejects`: a failure of this name, with these details. */
export const failure =
  (name: string, details: Record<string, unknown> = {}) =>
  (reason: unknown): boolean => {
    const actual = reason as { name: string; details: Record<string, unknown>; message: string }
    if (actual.name !== name) throw reason
    for (const [field, value] of Object.entries(details)) {
      if (actual.details[field] !== value)
        throw new Error(`${field}: ${String(actual.details[field])} instead of ${String(value)} in “${actual.message}”`)
    }
    return true
  }
