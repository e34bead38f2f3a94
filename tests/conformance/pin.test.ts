import open from '@symbiosis/capabilities/pin/host'
import { runServiceTests } from '@symbiosis/conformance'
import { blockOf, RAW } from '../host/engine/fixtures.ts'
import { mocha } from './mocha.ts'

const milk = blockOf(RAW, new TextEncoder().encode('Remember the milk'))
const tea = blockOf(RAW, new TextEncoder().encode('Remember the tea'))
const [root, other] = [milk.cid, tea.cid]
const varies = ['created', 'deadline']

runServiceTests(mocha, 'pin', {
  open,
  stored: [milk, tea],
  samples: [
    { ability: 'add', nb: { root, name: 'notes' }, uses: { bytes: milk.bytes.length, pins: 1 }, varies },
    { ability: 'add', nb: { root: other }, uses: { bytes: tea.bytes.length, pins: 1 }, varies },
    { ability: 'remove', nb: { root: other }, uses: { bytes: -tea.bytes.length, pins: -1 } },
    { ability: 'status', nb: { root }, varies },
    { ability: 'watch', nb: { root }, varies },
    { ability: 'list', varies: ['pins'] },
  ],
})
