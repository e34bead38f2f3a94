import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void

/** Collects what was made lately. At the end of a batch, inside what is timed: else a batch that fits into the young generation pays for none of its garbage. */
export const collect = (): void => gc({ type: 'minor' })

/** Before a batch, untimed: what making its inputs left behind goes, and the inputs go where the collections of the batch don't look at them again. */
export const settle = (): void => {
  collect()
  collect()
}

/** Collects everything. Finalizers run between collections, so there are some. */
export const collectAll = (): void => {
  for (let index = 0; index < 3; index++) gc({ type: 'major' })
}
