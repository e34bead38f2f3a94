import assert from 'node:assert/strict'
import { memoryWallet } from '@symbiosis/symbiont'
import { phraseOf, seedOf } from '../../symbiont/phrase.ts'
import { refused, shelf, World } from './world.ts'

describe('a space', () => {
  it('comes back by its phrase on another device', async () => {
    await using world = new World()
    await world.host('attic')
    const lost = await world.symbiont()
    const { did, phrase } = await lost.createSpace()
    await lost.pair('http://attic.test')
    await lost.request({ shelf: {} })
    await lost.use(shelf).put({ name: 'lamp' })
    const found = await world.symbiont()
    assert.deepEqual(await found.recoverSpace(`  ${phrase.toUpperCase().replaceAll(' ', '\n ')} `), { did })
    assert.equal(found.space, did)
    await found.pair('http://attic.test')
    await found.request({ shelf: {} })
    assert.deepEqual(await found.use(shelf).list(), { things: ['lamp'] })
    assert.notEqual(found.agent, lost.agent)
  })

  it('leaves no trace of its key in the wallet', async () => {
    await using world = new World()
    const wallet = memoryWallet()
    const ada = await world.symbiont(wallet)
    const { phrase } = await ada.createSpace()
    const text = JSON.stringify(await wallet.load())
    const seed = Buffer.from(seedOf(phrase))
    for (const form of [phrase, seed.toString('hex'), seed.toString('base64url'), seed.toString('base64')]) assert.ok(!text.includes(form))
  })

  it('has a phrase of 24 words that are the seed, as BIP-39 has it', () => {
    // The vector of BIP-39 for 256 bits of 0x7f: https://github.com/trezor/python-mnemonic/blob/master/vectors.json
    const words =
      'legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title'
    assert.equal(phraseOf(new Uint8Array(32).fill(0x7f)), words)
    assert.deepEqual(seedOf(words), new Uint8Array(32).fill(0x7f))
  })

  it('says what is wrong with a phrase, and never repeats it', async () => {
    await using world = new World()
    const ada = await world.symbiont()
    const words = phraseOf(new Uint8Array(32).fill(0x7f)).split(' ')
    const typed = (index: number, word: string) => words.map((each, at) => (at === index ? word : each)).join(' ')
    const cases = [
      [words.slice(1).join(' '), /24 words.*23/s, /all of them/],
      ['', /24 words/, /all of them/],
      [typed(1, 'winer'), /Word 2/, /winner/],
      [typed(2, 'htank'), /Word 3/, /thank/],
      [typed(0, 'xyzzy'), /Word 1/, /spelled/],
      [typed(4, 'wasp'), /order/, /each word/],
      [[...words.slice(1), words[0]].join(' '), /order/, /each word/],
    ] as const
    for (const [phrase, message, hint] of cases) {
      const refusal = await refused(ada.recoverSpace(phrase))
      assert.equal(refusal.name, 'InvalidInput')
      assert.match(refusal.message, message)
      assert.match(refusal.hint ?? '', hint)
      assert.ok(phrase === '' || !JSON.stringify(refusal).includes(phrase))
    }
    assert.deepEqual(ada.spaces(), [])
  })
})
