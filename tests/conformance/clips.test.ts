import { runServiceTests } from '@symbiosis/conformance'
import { cidOf } from '@symbiosis/protocol'
import open from '../clips/host.ts'
import { RAW } from '../host/engine/fixtures.ts'
import { mocha } from './mocha.ts'

const words = 'Remember the milk'
const root = cidOf(new TextEncoder().encode(words), RAW)

runServiceTests(mocha, 'clips', {
  open,
  samples: [
    { ability: 'keep', nb: { words: 'Remember the tea' }, uses: { bytes: 16 } },
    { ability: 'keep', nb: { words }, uses: { bytes: 17 } },
    { ability: 'drop', nb: { root: cidOf(new TextEncoder().encode('Remember the tea'), RAW) } },
    { ability: 'read', nb: { root } },
  ],
})
