import type { Filters, FiltersOptions } from './filters.ts'
import { loadedOnce } from './loading.ts'
import type { Self } from './self.ts'

/** What a symbiont needs when it reaches no host. It is loaded when it is used, all of it at once: what was refreshed can be verified by without a network. */
export const offline = (self: Self, options: FiltersOptions): (() => Promise<Filters>) =>
  loadedOnce(async () => {
    const { Filters } = await import('./filters.ts')
    return new Filters(self, options)
  })
