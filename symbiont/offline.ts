import type { Filters, FiltersOptions } from './filters.ts'
import type { Self } from './self.ts'

/** What a symbiont needs when it reaches no host. It is loaded when it is used, all of it: what was refreshed can be verified by without a network. */
export const offline = (self: Self, options: FiltersOptions): (() => Promise<Filters>) => {
  let loading: Promise<Filters> | undefined
  return () => {
    loading ??= import('./filters.ts').then(({ Filters }) => new Filters(self, options))
    return loading
  }
}
