import { runServiceTests } from '@symbiosis/conformance'
import { jarService } from '../attacks/jar.ts'
import { mocha } from './mocha.ts'

const jar = jarService()
// What waits for ever and what breaks on purpose are no samples of a service.
const { wait: _wait, break: _break, ...abilities } = jar.service.abilities

runServiceTests(mocha, 'the jar', {
  open: () => ({ ...jar, service: { ...jar.service, abilities } }),
  samples: [
    { ability: 'put', nb: { thing: 'spoon', size: 100 }, uses: { bytes: 100, things: 1 } },
    { ability: 'put', nb: { thing: 'fork', size: 10 }, uses: { bytes: 10, things: 1 } },
    { ability: 'drop', nb: { thing: 'fork' } },
    { ability: 'count', nb: {} },
    { ability: 'count', nb: { by: 2 } },
    { ability: 'fill', body: new Uint8Array(1000) },
    { ability: 'fill', nb: { stopAt: 10 }, body: new Uint8Array(1000), error: 'Full' },
    { ability: 'work', nb: { milliseconds: 10 } },
    { ability: 'pour', nb: { bytes: 20_000 } },
    { ability: 'peek' },
    { ability: 'audit' },
    { ability: 'look' },
  ],
})
