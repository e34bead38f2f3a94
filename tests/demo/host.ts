import { Host } from '../../host/index.ts'
import { jarService } from '../attacks/jar.ts'
import { emptyEngine, silent } from '../fixtures.ts'

/** A host in a process of its own, in the folder that is named first; it follows the addresses behind that. Asked anything, it tells whom it follows, and how that stands. */
const [dir = '', ...follow] = process.argv.slice(2)
const services = () => [jarService()]
const following = { backoff: 0.1, maxBackoff: 0.5, pullEvery: 5 }
// Whoever asks for what is refused, again and again, soon has to wait: here that is how it's seen that it is refused.
const gate = { share: 1, connection: { burst: 100_000, perSecond: 100_000 } }
const host = await Host.open({ dir, engine: emptyEngine(), services, log: silent, collectEvery: 0, follow, following, gate })
const { url } = await host.listen()
process.on('message', () => process.send?.(host.followed()))
process.once('disconnect', () => process.exit())
process.send?.({ url, did: host.did })
