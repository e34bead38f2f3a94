import { ability, provide, service, struct } from '@symbiosis/protocol'
import { answering, tell } from './children.ts'
import { openHost, seedOf } from './world.ts'

/** A stream that says nothing after its first byte. */
export const tap = service('tap', {
  rev: 1,
  about: 'Drips',
  abilities: { drip: ability({ about: 'Gives a byte', effect: 'read', stream: 'out', nb: struct({}), ok: struct({}) }) },
})

/** A host in a process of its own with streams to cut. It sends `{ url, did, seed }`. */
if (import.meta.main) {
  const drip = () => ({
    ok: {},
    body: new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(Uint8Array.of(1)) }),
  })
  const { host } = await openHost(() => [provide(tap, { drip })])
  const { url } = await host.listen()
  answering(() => ({}))
  tell({ url, did: host.did, seed: seedOf(host) })
}
