import { type Charge, cidOf, Failure, type OpenService, provide, type Transaction } from '@symbiosis/protocol'
import { clips } from './index.ts'

const RAW = 0x55

const open: OpenService = ({ blocks }) =>
  provide(clips, {
    async keep({ words }, { commit }) {
      const bytes = new TextEncoder().encode(words)
      const root = cidOf(bytes, RAW)
      const charge = async (tx: Transaction<'bytes'>) => {
        if (!(await tx.get(String(root)))) await tx.put(String(root), await tx.reserve({ bytes: bytes.length }))
      }
      // Before the block is here: whose lease is used up fills no disk.
      await commit(charge)
      await blocks.store([{ cid: root, bytes }], () =>
        commit(async (tx) => {
          await charge(tx) // it may have been dropped meanwhile
          await tx.hold(root, { complete: true })
        }),
      )
      return { root }
    },
    async read({ root }, { holds, signal }) {
      // The block may be here for others: knowing its CID is no right to it.
      if ((await holds(root))?.complete)
        for await (const { bytes } of blocks.walk(root, { signal })) return { words: new TextDecoder().decode(bytes) }
      throw new Failure('NotFound', 'This space keeps no such text.', { link: String(root) })
    },
    drop: ({ root }, { commit }) =>
      commit(async (tx) => {
        const charge = (await tx.get(String(root))) as Charge | undefined
        if (charge) await tx.adjust(charge, {})
        await tx.delete(String(root))
        await tx.unhold(root)
        return {}
      }),
  })

export default open
