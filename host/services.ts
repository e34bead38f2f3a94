import type { DID, Environment, Hooks, Kept, Provided } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { Log } from './log.ts'

/** What the services of a host do beside answering. */
export class Services {
  readonly #provided: readonly Provided[]
  readonly #log: Log
  readonly #opened: Provided[] = []

  constructor(provided: readonly Provided[], log: Log) {
    this.#provided = provided
    this.#log = log
  }

  /** One after the other, up to the first that throws; `close` ends those before it. */
  async open(environmentOf: (service: string, log: Environment['log']) => Environment): Promise<void> {
    for (const each of this.#provided) {
      const { service, hooks } = each
      await hooks.open?.(environmentOf(service.id, (text, fields) => this.#log.info({ service: service.id, ...fields }, text)))
      this.#opened.push(each)
    }
  }

  /** Tells each that a space holds a root now. */
  held(space: DID, root: CID): Promise<void> {
    return this.#each(this.#provided, 'hear of a root', (hooks) => hooks.held?.(space, root))
  }

  /** What they keep beyond what spaces hold. Where one can't say it, nobody knows what may go: that throws. */
  async *keep(): AsyncGenerator<Kept> {
    for (const { hooks } of this.#provided) if (hooks.keep) yield* hooks.keep()
  }

  close(): Promise<void> {
    return this.#each(this.#opened.splice(0), 'close', (hooks) => hooks.close?.())
  }

  /** What one fails at keeps neither the others nor the host from going on: they are of different authors. */
  async #each(services: readonly Provided[], what: string, run: (hooks: Hooks) => unknown): Promise<void> {
    for (const { service, hooks } of services) {
      try {
        await run(hooks)
      } catch (error) {
        this.#log.error({ err: error, service: service.id }, `a service failed to ${what}`)
      }
    }
  }
}
