import { archive, type DID, extract, type LocalSigner, type Proof, signerFromSeed } from '@symbiosis/protocol'
import { base64url } from 'multiformats/bases/base64'
import { emptyWallet, type KeptArchive, type KeptHost, type KeptRevocation, type Wallet, type WalletState } from './wallet.ts'

/** A delegation or lease of the wallet. */
export interface Held {
  /** As the wallet has it. */
  readonly archive: string
  readonly proof: Proof
  /** When it came into the wallet, Unix seconds. */
  readonly since: number
}

export interface HeldSpace {
  readonly did: DID
  readonly own: boolean
  readonly delegations: readonly Held[]
}

/** The wallet, read: archives as proofs. What it shows is as old as the last `update` or `reload`. */
export class Holdings {
  readonly #wallet: Wallet
  readonly #proofs = new Map<string, Proof>()
  #state: WalletState

  private constructor(wallet: Wallet, state: WalletState) {
    this.#wallet = wallet
    this.#state = state
  }

  static async open(wallet: Wallet): Promise<Holdings> {
    // Whoever is first makes the key, under the wallet's lock: of two processes one finds the other's.
    return new Holdings(wallet, (await wallet.load()) ?? (await wallet.update((state) => state ?? emptyWallet())))
  }

  /** The agent's key. */
  signer(): LocalSigner {
    return signerFromSeed(base64url.decode(this.#state.seed))
  }

  get spaces(): HeldSpace[] {
    return this.#state.spaces.map(({ did, own, delegations }) => ({ did, own, delegations: this.#read(delegations) }))
  }

  get hosts(): readonly KeptHost[] {
    return this.#state.hosts
  }

  get leases(): Held[] {
    return this.#read(this.#state.leases)
  }

  get issued(): Held[] {
    return this.#read(this.#state.issued)
  }

  get revoked(): readonly KeptRevocation[] {
    return this.#state.revoked
  }

  /** The revocation that names a UCAN, as far as this device knows. */
  revocationOf(cid: unknown): KeptRevocation | undefined {
    const link = String(cid)
    return this.#state.revoked.find(({ ucan }) => ucan === link)
  }

  /** Changes the wallet; resolves when it's kept. `change` may edit what it's given. */
  async update(change: (state: WalletState) => void): Promise<void> {
    this.#state = await this.#wallet.update((state) => {
      // Never a second key: a wallet that vanished under a running program is not replaced by an empty one.
      const next = structuredClone(state ?? this.#state)
      change(next)
      return next
    })
  }

  /** Reads what other processes have kept meanwhile. */
  async reload(): Promise<void> {
    this.#state = (await this.#wallet.load()) ?? this.#state
  }

  #read(kept: readonly KeptArchive[]): Held[] {
    return kept.map(({ archive: text, since }) => {
      let proof = this.#proofs.get(text)
      if (!proof) {
        proof = proofFromText(text)
        this.#proofs.set(text, proof)
      }
      return { archive: text, proof, since }
    })
  }
}

export const keep = (proof: Proof, since: number): KeptArchive => ({ archive: base64url.encode(archive(proof)), since })

export const proofFromText = (text: string): Proof => extract(base64url.decode(text))

/** Puts a delegation into its space's entry, once. */
export const keepDelegation = (state: WalletState, did: DID, own: boolean, kept: KeptArchive): void => {
  let space = state.spaces.find((each) => each.did === did)
  if (!space) {
    space = { did, own, delegations: [] }
    state.spaces.push(space)
  }
  space.own ||= own
  keepOnce(space.delegations, kept)
}

/** Adds an archive unless the same one is there. */
export const keepOnce = (list: KeptArchive[], kept: KeptArchive): void => {
  if (!list.some(({ archive: text }) => text === kept.archive)) list.push(kept)
}

/**
 * Merges what is newly known of a host. An address that it `proved` to be its own comes first and is no other host's any more; one that somebody told of
 * is only tried after the others.
 */
export const keepHost = (state: WalletState, { did, name, urls }: KeptHost, { proved }: { proved: boolean }): void => {
  if (proved) for (const other of state.hosts) if (other.did !== did) other.urls = other.urls.filter((url) => !urls.includes(url))
  const known = state.hosts.find((host) => host.did === did)
  if (!known) {
    state.hosts.push({ did, name, urls: [...new Set(urls)] })
    return
  }
  if (proved || !known.name) known.name = name
  known.urls = [...new Set(proved ? [...urls, ...known.urls] : [...known.urls, ...urls])].slice(0, 16)
}
