import type { DID } from '@symbiosis/protocol'
import type { Filters, FiltersOptions, Refreshed } from './filters.ts'
import type { Self } from './self.ts'
import type { Verified, VerifyOptions } from './verifying.ts'

/** What a symbiont does for the time when it reaches no host. The code of it is loaded when it is used: most pages need none of it. */
export class Offline {
  readonly #self: Self
  readonly #options: FiltersOptions
  #loading: Promise<Filters> | undefined

  constructor(self: Self, options: FiltersOptions) {
    this.#self = self
    this.#options = options
  }

  async refresh(signal?: AbortSignal): Promise<Refreshed[]> {
    return (await this.#filters()).refresh(signal)
  }

  /** Fetches filters that have grown old, beside whatever else goes on, for apps that keep them. */
  lazily(): void {
    if (this.#options.store) this.#self.background(async () => (await this.#filters()).refreshOld())
  }

  async verify(token: string | Uint8Array, options: VerifyOptions): Promise<Verified> {
    return (await this.#filters()).verify(token, options)
  }

  async forget(host: DID): Promise<void> {
    await (await this.#filters()).forget(host)
  }

  #filters(): Promise<Filters> {
    this.#loading ??= import('./filters.ts').then(({ Filters }) => new Filters(this.#self, this.#options))
    return this.#loading
  }
}
