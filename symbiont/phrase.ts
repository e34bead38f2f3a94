import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { Failure } from '@symbiosis/protocol'

const WORDS = 24

/**
 * The 24 words of a 32-byte seed: the seed itself as BIP-39 entropy, so that any BIP-39 tool turns them back. No passphrase, no derivation.
 * Source: https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki
 */
export const phraseOf = (seed: Uint8Array): string => entropyToMnemonic(seed, wordlist)

/**
 * The seed behind a phrase. Case, and how much space stands between words, don't matter.
 * @throws Failure InvalidInput, which says the word that is none, and never repeats the phrase
 */
export const seedOf = (phrase: string): Uint8Array => {
  const words = phrase.normalize('NFKD').trim().toLowerCase().split(/\s+/)
  const bad = (message: string, hint: string) => new Failure('InvalidInput', message, { field: 'phrase', hint })
  if (words.length !== WORDS)
    throw bad(`A recovery phrase has ${WORDS} words; this one has ${words.length}.`, 'Type all of them, in their order.')
  const stranger = words.findIndex((word) => !wordlist.includes(word))
  if (stranger >= 0) {
    const near = nearest(words[stranger] as string)
    throw bad(
      `Word ${stranger + 1} of the phrase is none of the list.`,
      near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'Check how it is spelled.',
    )
  }
  try {
    return mnemonicToEntropy(words.join(' '), wordlist)
  } catch {
    throw bad('The words are all known, but not these in this order.', 'Check each word and the order; one wrong word is enough.')
  }
}

/** Known words one edit away, or that begin alike: the first four letters of a BIP-39 word are unique. */
const nearest = (word: string): string[] =>
  wordlist.filter((known) => known.slice(0, 4) === word.slice(0, 4) || oneEdit(known, word)).slice(0, 3)

const oneEdit = (a: string, b: string): boolean => {
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  const [restA, restB] = [a.slice(start), b.slice(start)]
  const swapped = restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2)
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1) || swapped
}
