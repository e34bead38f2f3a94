import type { Ed25519 } from './ed25519.ts'
import { sameBytes } from './link.ts'

interface Question {
  readonly about: string
  readonly publicKey: string
  readonly message: string
  readonly signature: string
  readonly holds: boolean
}

/** RFC 8032, section 7.1, test 3. */
const SEED = 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7'
const SIGNED = {
  publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
  message: 'af82',
  signature:
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
}

/** A key A + T and an R + T, T being of order 8: what verifiers disagree on who don't agree on the cofactor. */
const MIXED_KEY = '1f4f580e73ac208f06760190e9edc6f5916775dabd9c1cdca393175c2d6d1083'
const PLAIN_R = '17ffad8068dc0de9935d36636f3ad1b5de6de3413b12388e453b05f2a4c1d3db'
const MIXED_R = 'd63c01223147541df4e170763e9e2788a8bf5971f52a93c5829dbe6f5ff6bba9'

const QUESTIONS: readonly Question[] = [
  { about: 'a good signature', ...SIGNED, holds: true },
  { about: 'a signature over something else', ...SIGNED, message: 'af83', holds: false },
  {
    about: 'a key of mixed order whose torsion vanishes',
    publicKey: MIXED_KEY,
    message: '07',
    signature: `${PLAIN_R}113a602df0aaae67cba35e3a76cf58e5eb4e8c84747c271967fbc0f3d1258309`,
    holds: true,
  },
  {
    about: 'a key of mixed order whose torsion stays',
    publicKey: MIXED_KEY,
    message: '00',
    signature: `${PLAIN_R}d8ceb62243a6bacb2e9bfd90821c6a9c18fd6c14f55438b8355af9cf529fd405`,
    holds: false,
  },
  {
    about: 'an R of mixed order',
    publicKey: 'ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c',
    message: '00',
    signature: `${MIXED_R}daffb36a1cfd64436a6d3f9b711ab39b6603d0ad5d8c4cbc6fce27c2fcd6c808`,
    holds: false,
  },
  {
    about: 'a key and an R of mixed order that make up for each other',
    publicKey: MIXED_KEY,
    message: '03',
    signature: `${MIXED_R}84ee615729c80db47dab0014e5d88808dbfdd3b29aacd6bc838cabd2fac10409`,
    holds: true,
  },
]

/**
 * What `ed25519` answers otherwise than it has to, if anything. Hosts that disagree on a signature disagree on who may do what, so what is plugged in
 * is asked before it is used. What the structural checks refuse isn't asked: no backend sees it.
 */
export const disagreement = (ed25519: Ed25519): string | undefined => {
  const { publicKey, sign } = ed25519.keyPair(bytesOf(SEED))
  if (!sameBytes(publicKey, bytesOf(SIGNED.publicKey))) return 'the public key of a seed'
  if (!sameBytes(sign(bytesOf(SIGNED.message)), bytesOf(SIGNED.signature))) return 'the signature of a message'
  return QUESTIONS.find(
    ({ publicKey, message, signature, holds }) => ed25519.verify(bytesOf(publicKey), bytesOf(message), bytesOf(signature)) !== holds,
  )?.about
}

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, index) => Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16))
