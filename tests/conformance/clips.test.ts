import { runServiceTests } from '@symbiosis/conformance'
import { cidOf } from '@symbiosis/protocol'
import open from '../clips/host.ts'
import { RAW } from '../host/engine/fixtures.ts'
import { mocha } from './mocha.ts'

const [words, other] = ['Remember the milk', 'Remember the tea']
const rootOf = (text: string) => cidOf(new TextEncoder().encode(text), RAW)

runServiceTests(mocha, 'clips', {
  open,
  samples: [
    { ability: 'keep', nb: { words: other }, uses: { bytes: other.length } },
    { ability: 'drop', nb: { root: rootOf(other) }, uses: { bytes: -other.length } },
    { ability: 'keep', nb: { words }, uses: { bytes: words.length } },
    { ability: 'read', nb: { root: rootOf(words) } },
  ],
})
