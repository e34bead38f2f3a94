import { join } from 'node:path'
import { allow, Host } from '../../host/index.ts'
import { emptyEngine, silent } from '../fixtures.ts'
import { vaultService } from './vault.ts'

/** A host in a process of its own, which ends itself in the middle of a transaction. */
const [dir = ''] = process.argv.slice(2)
const host = await Host.open({ dir, engine: emptyEngine(), services: () => [vaultService()], consent: allow, log: silent, collectEvery: 0 })
const socket = join(dir, 'host.sock')
await host.listen({ port: false, socket })
process.stdout.write(`${JSON.stringify({ did: host.did, socket })}\n`)
