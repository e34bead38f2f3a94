import { join } from 'node:path'
import { pinService } from '@symbiosis/capabilities/pin/host'
import { runServiceTests } from '@symbiosis/conformance'
import { helia } from '@symbiosis/host/helia'
import { cidOf } from '@symbiosis/protocol'
import { mocha } from './mocha.ts'

const RAW = 0x55
const bytes = new TextEncoder().encode('Remember the milk')
const root = cidOf(bytes, RAW)

runServiceTests(mocha, 'pin', {
  async open({ dir }) {
    const engine = await helia({ dir: join(dir, 'engine') })
    await engine.store([{ cid: root, bytes }], async () => {})
    const pin = pinService(engine)
    const close = async () => {
      await pin.hooks.close?.()
      await engine.close()
    }
    return { ...pin, hooks: { ...pin.hooks, close } }
  },
  samples: [
    { ability: 'add', nb: { root, name: 'notes' }, uses: { bytes: bytes.length, pins: 1 }, varies: ['created', 'deadline'] },
    { ability: 'status', nb: { root }, varies: ['created', 'deadline'] },
    { ability: 'watch', nb: { root }, varies: ['created', 'deadline'] },
    { ability: 'list', varies: ['pins'] },
    { ability: 'remove', nb: { root } },
  ],
})
