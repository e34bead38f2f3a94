import { Host, openLog } from '@symbiosis/host'
import { answering, tell } from './children.ts'
import { noBlocks, shelfHost } from './world.ts'

/** A host in a process of its own, in the folder that is named first; it follows the addresses behind that. It sends `{ url, did }`. */
const [dir = '', ...follow] = process.argv.slice(2)
const host = await Host.open({
  dir,
  engine: noBlocks,
  services: () => [shelfHost],
  collectEvery: 0,
  log: openLog({ level: 'error' }),
  follow,
  // Its log is that which is measured.
  manifestLife: 0,
})
const { url } = await host.listen()
answering(() => ({}))
tell({ url, did: host.did })
