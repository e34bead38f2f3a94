import { join } from 'node:path'
import { dagService } from '@symbiosis/capabilities/dag/host'
import { pinService } from '@symbiosis/capabilities/pin/host'
import { allow, Host, openLog } from '@symbiosis/host'
import { helia } from '@symbiosis/host/helia'

/** A host in a process of its own, to be killed: `node kill-host.ts DIR PORT`. Prints its address when it listens. */
const [dir = '', port = '0'] = process.argv.slice(2)
const host = await Host.open({
  dir,
  engine: () => helia({ dir: join(dir, 'engine') }),
  services: (engine) => [pinService(engine), dagService(engine)],
  consent: allow,
  log: openLog({ level: 'fatal' }),
})
const { url } = await host.listen({ port: Number(port) })
console.log(url)
