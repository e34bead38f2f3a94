import type { Filters, FiltersOptions } from './filters.ts'
import type { Self } from './self.ts'

/** What a symbiont needs when it reaches no host. It is loaded when it is used, all of it at once: what was refreshed can be verified by without a network. */
export const offline = (self: Self, options: FiltersOptions): (() => Promise<Filters>) => {
  let loading: Promise<Filters> | undefined
  const load = async () => {
    try {
      const { Filters } = await import('./filters.ts')
      return new Filters(self, options)
    } catch (thrown) {
      // A page may be out of reach of where its code comes from, and come back.
      loading = undefined
      throw thrown
    }
  }
  return () => {
    loading ??= load()
    return loading
  }
}
