import { Failure } from '@symbiosis/protocol'
import type { Manifest } from '@symbiosis/protocol/manifest'
import type { ManifestEntry } from '@symbiosis/protocol/revocation'
import { readManifest } from './manifest-reader.ts'
import type { Run } from './run.ts'

/** The manifests that a log has, in its order: whoever was shown another one was shown what the host kept out of it. */
export class ManifestTrail {
  #last: ManifestEntry | undefined
  readonly #roots = new Set<string>()

  get count(): number {
    return this.#roots.size
  }

  /** @throws Failure BadSignature where a number is not above the one before */
  add(entry: ManifestEntry): void {
    if (this.#last && entry.seq <= this.#last.seq)
      throw new Failure('BadSignature', `The log has manifest ${entry.seq} behind manifest ${this.#last.seq}.`, { field: 'seq' })
    this.#last = entry
    this.#roots.add(trace(entry))
  }

  /** @throws Failure BadSignature where the log lacks a manifest that was shown before it was read */
  mustHave(manifest: Pick<Manifest, 'seq' | 'root'>): void {
    if (this.#roots.has(trace(manifest))) return
    throw new Failure('BadSignature', `The host shows manifest ${manifest.seq}, which its log does not have.`, {
      field: 'root',
      hint: 'It may show different things to different people: ask its owner.',
    })
  }
}

const trace = ({ seq, root }: Pick<Manifest, 'seq' | 'root'>): string => `${seq} ${root}`

/** The manifest that the host shows now, or undefined where it publishes none. */
export const shownManifest = async (name: string | undefined, run: Run): Promise<Manifest | undefined> => {
  try {
    return await readManifest(name, run)
  } catch (thrown) {
    // What has no such ability, or nothing to say by it, shows none.
    if (thrown instanceof Failure && ['NotFound', 'UnknownAbility'].includes(thrown.name)) return undefined
    throw thrown
  }
}
