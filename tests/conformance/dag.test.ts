import open from '@symbiosis/capabilities/dag/host'
import { runServiceTests } from '@symbiosis/conformance'
import { encodeCar } from '@symbiosis/protocol'
import { file } from '../host/engine/fixtures.ts'
import { mocha } from './mocha.ts'

const { root: top, blocks } = file(3, 1000)
const root = top.cid
const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)

runServiceTests(mocha, 'dag', {
  open,
  samples: [
    { ability: 'import', nb: { root }, body: encodeCar({ roots: [root], blocks }), uses: { bytes } },
    { ability: 'status', nb: { root } },
    { ability: 'export', nb: { root } },
  ],
})
