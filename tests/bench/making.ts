import { sodium } from '@symbiosis/host/sodium'
import { signerFromSeed, useEd25519 } from '@symbiosis/protocol'
import { answering, tell } from './children.ts'
import { callerOf, leaseFrom, messageOf } from './world.ts'

/**
 * Callers whom nobody has seen: `start('./making.ts', [seed of the host in hexadecimal])`. Asked `{ count, length }` it sends as many messages, each of a caller of its
 * own with an owner chain of that length. A process of its own, so that no key of theirs is known where the messages are answered.
 */
useEd25519(sodium())
const host = signerFromSeed(Buffer.from(process.argv[2] ?? '', 'hex'))

answering(async ({ count, length }: { count: number; length: number }) => {
  const messages: Uint8Array[] = []
  for (let index = 0; index < count; index++) messages.push(await messageOf(await callerOf(host.did, length, leaseFrom(host))))
  return { messages }
})
tell({})
