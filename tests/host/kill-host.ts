import { createJarHost } from './processes.ts'

/** A host in a process of its own, to be killed. */
const [dir = ''] = process.argv.slice(2)
const { host, socket } = await createJarHost(dir)
process.stdout.write(`${JSON.stringify({ did: host.did, socket })}\n`)
