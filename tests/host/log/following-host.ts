import { createJarHost } from '../processes.ts'

/** A host in a process of its own that follows another, in small steps, to be killed. */
const [dir = '', url = ''] = process.argv.slice(2)
const { host, socket } = await createJarHost(dir, { follow: [url], following: { batchEntries: 3, backoff: 0.05, maxBackoff: 0.1 } })
process.stdout.write(`${JSON.stringify({ did: host.did, socket })}\n`)
