import { CLOCK_SKEW, type DID } from '@symbiosis/protocol'
import type { Store } from '../store/store.ts'

export const CONTACT = 'log/contact'
/** Seconds by which what is on disk may lag behind: a host that was away for a moment asks once more than it would have to, and writes rarely. */
const LAG = 60

interface Contact {
  /** By the clock, Unix seconds. */
  readonly at: number
  /** By what only moves forward, in seconds since anything. */
  readonly tick: number
}

/**
 * When each followed log was last seen in order, up to its newest checkpoint: as of when it was asked for that, so that nothing acknowledged before is missing here.
 * What a clock makes untellable counts as never.
 */
export class Contacts {
  readonly #store: Store
  readonly #now: () => number
  readonly #elapsed: () => number
  readonly #contacts = new Map<DID, Contact>()
  /** What is on disk of each. */
  readonly #kept = new Map<DID, number>()

  private constructor(store: Store, now: () => number, elapsed: () => number) {
    this.#store = store
    this.#now = now
    this.#elapsed = elapsed
  }

  static async open(store: Store, now: () => number, elapsed: () => number): Promise<Contacts> {
    const contacts = new Contacts(store, now, elapsed)
    for await (const { space, value } of store.every(CONTACT)) {
      const at = value as number
      // Of an earlier life the clock alone tells how long it is over, now and never again.
      contacts.#contacts.set(space as DID, { at, tick: elapsed() - Math.max(0, now() - at) })
      contacts.#kept.set(space as DID, at)
    }
    return contacts
  }

  /** What `heardOf` gets: taken before a log is asked, for `seen` once that has shown all it has. */
  begin(): Contact {
    return { at: this.#now(), tick: this.#elapsed() }
  }

  /** The clock alone would make a contact younger where it was set back meanwhile, and what lies ahead would stay fresh until the clock comes there. */
  of = (did: DID): number | undefined => {
    const contact = this.#contacts.get(did)
    if (!contact) return undefined
    const now = this.#now()
    if (contact.at > now + CLOCK_SKEW) {
      // What can't be written now is believed again by the next life of this host at the most, if the clock has come there by then.
      this.forget(did).catch(() => {})
      return undefined
    }
    return Math.min(contact.at, now - Math.floor(this.#elapsed() - contact.tick))
  }

  async seen(did: DID, since: Contact): Promise<void> {
    const kept = this.#kept.get(did)
    if (kept === undefined || since.at < kept || since.at >= kept + LAG) {
      await this.#store.write((tx) => tx.put(CONTACT, did, '', since.at))
      this.#kept.set(did, since.at)
    }
    this.#contacts.set(did, since)
  }

  /** Of a log that has contradicted itself, nothing is known any more; and nothing is kept of one that isn't followed. */
  async forget(did: DID): Promise<void> {
    this.#contacts.delete(did)
    if (!this.#kept.delete(did)) return
    await this.#store.write((tx) => tx.delete(CONTACT, did, ''))
  }
}
