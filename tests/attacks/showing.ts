import type { LocalSigner } from '@symbiosis/protocol'
import { CompactRange, formatCheckpoint, leafHash, noteSigner, signNote } from '@symbiosis/protocol/revocation'
import type { Reach } from '../../host/index.ts'
import { type Entries, LyingHost } from './lying-host.ts'

/** What a follower has of another host's log, or says so. */
export interface Shown {
  entries: Entries
  checkpoint: string
}

/** A checkpoint over some entries. */
export const signed = (entries: Entries, { origin, by }: { origin: string; by: LocalSigner }): Promise<string> => {
  const range = new CompactRange()
  for (const { leaf } of entries) range.append(leafHash(leaf))
  return signNote({ text: formatCheckpoint({ origin, size: entries.length, root: range.root() }) }, noteSigner(origin, by))
}

/** Followers under addresses, each with what it shows to whoever asks for its log. */
export const showing = (shown: readonly Shown[], key: Uint8Array): { from: string[]; reach(url: string): Reach } => {
  const followers = shown.map(({ entries, checkpoint }) => {
    const follower = new LyingHost()
    follower.lies['log/mirrored'] = ({ from, limit }: { from: number; limit: number }) => ({
      from,
      entries: entries.slice(from, from + limit),
      checkpoint,
      key,
    })
    return follower.reach
  })
  return {
    from: shown.map((_, at) => `http://follower:${at + 1}`),
    reach: (url) => followers[Number(new URL(url).port) - 1] as Reach,
  }
}
