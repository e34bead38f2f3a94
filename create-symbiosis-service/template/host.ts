import { type OpenService, provide } from '@symbiosis/protocol'
import { sampleService } from './index.ts'

/**
 * The handlers. Each sees the records of the one space that calls; what `commit` wrote is on disk when it resolves. A host also gives
 * `({ dir, blocks, routing })`: a folder, its blocks, and its network where it has one.
 */
const open: OpenService = () =>
  provide(sampleService, {
    write: ({ title, body }, { commit, fail }) =>
      commit(async (tx) => {
        const before = await tx.get(title)
        if (before === body) return { title }
        if (before !== undefined) return fail('Taken', { title })
        await tx.reserve({ notes: 1 }) // LimitExceeded, and nothing is kept, where the lease is used up
        await tx.put(title, body)
        return { title }
      }),
    async read({ title }, { get, fail }) {
      const body = await get(title)
      return body === undefined ? fail('Unknown', { title }) : { body: String(body) }
    },
    async list(_, { list }) {
      return { titles: (await list()).map(({ key }) => key) }
    },
  })

/** By this `symbiosis host --service sample-package` opens it. */
export default open
