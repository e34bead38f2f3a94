import assert from 'node:assert/strict'
import crypto, { hash } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sodium } from '@symbiosis/host/sodium'
import { backend, type Ed25519, generateSeed, signerFromSeed, useEd25519, verifies, verifySignature } from '@symbiosis/protocol'
import fc from 'fast-check'
import { keyPair } from '../../protocol/ed25519.ts'

const { Point } = ed25519
const L = Point.Fn.ORDER
const P = 2n ** 255n - 19n
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const bytes32 = (value: bigint) => new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse())
const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))
const message = (index: number) => new TextEncoder().encode(`message ${index}`)

const BACKENDS = { native: 'native', js: 'js', sodium: sodium() } as const

/** All backends, which have to agree. */
const verdict = (key: Uint8Array, signed: Uint8Array, signature: Uint8Array): boolean => {
  const { native, ...others } = BACKENDS
  const holds = verifySignature(native, key, signed, signature)
  for (const [name, other] of Object.entries(others)) {
    const bytes = `${Buffer.from(key).toString('hex')} ${Buffer.from(signature).toString('hex')}`
    assert.equal(verifySignature(other, key, signed, signature), holds, `native ${holds}, ${name} not: ${bytes}`)
  }
  return holds
}

/** RFC 8032, section 7.1. */
const VECTORS = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    key: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
  {
    seed: '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    key: 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    message:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    signature:
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  },
]

/** A point of order 8, from the generator of all points: its multiples are the eight of small order. */
const torsion = (() => {
  for (let y = 2n; ; y++) {
    try {
      // A point times L is of small order; of half the points it is of order 8.
      const point = Point.fromBytes(bytes32(y), true)
        .multiplyUnsafe(L - 1n)
        .add(Point.fromBytes(bytes32(y), true))
      if (!point.multiplyUnsafe(4n).is0()) return point
    } catch {
      // no point has that y
    }
  }
})()
const small = Array.from({ length: 8 }, (_, index) => (index === 0 ? Point.ZERO : torsion.multiplyUnsafe(BigInt(index))))

const secret = new Uint8Array(32).fill(7)
const { scalar: a, point: A } = ed25519.utils.getExtendedPublicKey(secret)
const r = 123_456_789n
const R = Point.BASE.multiply(r)

const challenge = (Rbytes: Uint8Array, key: Uint8Array, signed: Uint8Array) =>
  number(hash('sha512', concat(Rbytes, key, signed), 'buffer')) % L
/** A signature made for given encodings of R and A, with `a` and `r` known: S = r + k*a. */
const forge = (Rbytes: Uint8Array, key: Uint8Array, signed: Uint8Array, parts = { r, a }) => {
  const k = challenge(Rbytes, key, signed)
  return { k, signature: concat(Rbytes, bytes32((parts.r + k * parts.a) % L)) }
}
/** The first message for which the challenge is, or isn't, a multiple of 8. */
const messageWhere = (Rbytes: Uint8Array, key: Uint8Array, multiple: boolean) => {
  for (let index = 0; ; index++) {
    const signed = message(index)
    if ((challenge(Rbytes, key, signed) % 8n === 0n) === multiple) return signed
  }
}

describe('Ed25519', () => {
  it('is native here', () => assert.equal(backend, 'native'))

  for (const [index, vector] of VECTORS.entries()) {
    it(`signs and verifies vector ${index + 1} of RFC 8032, by every backend`, () => {
      const signed = hex(vector.message)
      for (const using of Object.values(BACKENDS)) {
        const { publicKey, sign } = keyPair(hex(vector.seed), using)
        assert.deepEqual(publicKey, hex(vector.key))
        assert.deepEqual(sign(signed), hex(vector.signature))
      }
      assert.ok(verdict(hex(vector.key), signed, hex(vector.signature)))
      assert.equal(verdict(hex(vector.key), concat(signed, Uint8Array.of(0)), hex(vector.signature)), false)
    })
  }

  it('agrees on signatures and keys with bits flipped', () => {
    const { publicKey, sign } = keyPair(secret)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(96 * 8 - 1), (signed, bit) => {
        const whole = concat(publicKey, sign(signed))
        assert.ok(verdict(publicKey, signed, whole.subarray(32)))
        whole[bit >> 3] = (whole[bit >> 3] as number) ^ (1 << (bit & 7))
        assert.equal(verdict(whole.subarray(0, 32), signed, whole.subarray(32)), false)
      }),
      { seed: 20260726, numRuns: 150 },
    )
  })

  it('leaves what it is given as it was, a Buffer too', () => {
    const { publicKey, sign } = keyPair(secret)
    const [key, signature] = [Buffer.from(publicKey), Buffer.from(sign(message(0)))]
    const before = concat(key, signature)
    assert.ok(verdict(key, message(0), signature))
    assert.deepEqual(concat(key, signature), before)
  })

  it('refuses other lengths', () => {
    const { publicKey, sign } = keyPair(secret)
    const signature = sign(message(0))
    assert.equal(verdict(publicKey, message(0), concat(signature, Uint8Array.of(0))), false)
    assert.equal(verdict(publicKey, message(0), signature.subarray(0, 63)), false)
    assert.equal(verdict(publicKey.subarray(0, 31), message(0), signature), false)
    assert.equal(verdict(concat(publicKey, Uint8Array.of(0)), message(0), signature), false)
    assert.equal(verdict(new Uint8Array(0), message(0), new Uint8Array(0)), false)
    for (const using of Object.values(BACKENDS)) assert.throws(() => keyPair(new Uint8Array(31), using), RangeError)
  })

  it('refuses S of L and more', () => {
    const { publicKey, sign } = keyPair(secret)
    const signature = sign(message(0))
    const S = number(signature.subarray(32))
    for (const more of [L, 2n * L, 7n * L]) {
      assert.equal(verdict(publicKey, message(0), concat(signature.subarray(0, 32), bytes32(S + more))), false)
    }
    assert.equal(verdict(publicKey, message(0), concat(signature.subarray(0, 32), bytes32(L))), false)
    assert.equal(verdict(publicKey, message(0), concat(signature.subarray(0, 32), new Uint8Array(32).fill(255))), false)
  })

  it('refuses keys of small order, under which anyone signs', () => {
    for (const point of small) {
      const key = point.toBytes()
      const signed = messageWhere(R.toBytes(), key, true)
      // k*A vanishes, so R = S*B holds without any secret.
      const { signature } = forge(R.toBytes(), key, signed, { r, a: 0n })
      assert.equal(verdict(key, signed, signature), false)
    }
  })

  it('refuses R of small order', () => {
    for (const point of small) {
      const encoded = point.toBytes()
      const { signature } = forge(encoded, A.toBytes(), message(0), { r: 0n, a })
      assert.equal(verdict(A.toBytes(), message(0), signature), false)
    }
    // Without the rule the first would pass: R is the neutral point and S = k*a.
    const { signature } = forge(Point.ZERO.toBytes(), A.toBytes(), message(0), { r: 0n, a })
    assert.ok(ed25519.verify(signature, message(0), A.toBytes(), { zip215: true }))
  })

  it('refuses second encodings of A and R', () => {
    let onCurve = 0
    for (let more = 0n; more < 19n; more++) {
      for (const sign of [0n, 1n << 255n]) {
        const encoded = bytes32((P + more) | sign)
        try {
          Point.fromBytes(encoded, true)
          onCurve++
        } catch {
          // no point has that y; it has to be refused all the same
        }
        const key = messageWhere(R.toBytes(), encoded, true)
        assert.equal(verdict(encoded, key, forge(R.toBytes(), encoded, key, { r, a: 0n }).signature), false)
        assert.equal(verdict(A.toBytes(), message(0), forge(encoded, A.toBytes(), message(0), { r: 0n, a }).signature), false)
      }
    }
    assert.ok(onCurve > 10, `${onCurve} of them are points`)
    // x = 0 with the sign bit set: y = 1 and y = -1 again.
    for (const y of [1n, P - 1n]) {
      const encoded = bytes32(y | (1n << 255n))
      assert.equal(verdict(encoded, message(0), forge(R.toBytes(), encoded, message(0), { r, a: 0n }).signature), false)
      assert.equal(verdict(A.toBytes(), message(0), forge(encoded, A.toBytes(), message(0), { r: 0n, a }).signature), false)
    }
  })

  it('takes the equation without cofactor, for keys of mixed order', () => {
    for (const point of small.slice(1)) {
      const key = A.add(point).toBytes()
      const holds = messageWhere(R.toBytes(), key, true)
      assert.ok(verdict(key, holds, forge(R.toBytes(), key, holds).signature), 'k*A is the same with and without the torsion')
    }
    // Order 8 here, so that a k that is no multiple of 8 leaves some of the torsion.
    const key = A.add(torsion).toBytes()
    const fails = messageWhere(R.toBytes(), key, false)
    const { signature } = forge(R.toBytes(), key, fails)
    assert.equal(verdict(key, fails, signature), false)
    assert.ok(ed25519.verify(signature, fails, key, { zip215: true }), 'with the cofactor it would hold')
  })

  it('takes the equation without cofactor, for R of mixed order', () => {
    for (const point of small.slice(1)) {
      const encoded = R.add(point).toBytes()
      const { signature } = forge(encoded, A.toBytes(), message(0))
      assert.equal(verdict(A.toBytes(), message(0), signature), false)
      assert.ok(ed25519.verify(signature, message(0), A.toBytes(), { zip215: true }), 'with the cofactor it would hold')
    }
  })

  it('takes R of mixed order where the torsion of k*A makes up for it', () => {
    let found = 0
    for (let index = 0; found < 3 && index < 200; index++) {
      const key = A.add(torsion).toBytes()
      for (const [order, point] of small.entries()) {
        const encoded = R.add(point).toBytes()
        const { k, signature } = forge(encoded, key, message(index))
        // R + order*T + k*(A + T) = S*B exactly where order + k is a multiple of 8.
        const holds = (BigInt(order) + k) % 8n === 0n
        assert.equal(verdict(key, message(index), signature), holds)
        if (holds && order > 0) found++
      }
    }
    assert.equal(found, 3)
  })

  it('refuses what is no point', () => {
    const key = bytes32(2n)
    assert.throws(() => Point.fromBytes(key, true))
    assert.equal(verdict(key, message(0), forge(R.toBytes(), key, message(0)).signature), false)
    assert.equal(verdict(A.toBytes(), message(0), forge(key, A.toBytes(), message(0)).signature), false)
  })
})

describe('another Ed25519', () => {
  afterEach(() => useEd25519())

  /** Counts what it is asked, and may answer otherwise. */
  const counting = (changes: Partial<Ed25519> = {}) => {
    const asked = { verify: 0, keyPair: 0 }
    const real = { ...sodium(), ...changes }
    const ed25519: Ed25519 = {
      name: 'counting',
      verify: (...args) => {
        asked.verify++
        return real.verify(...args)
      },
      keyPair: (given) => {
        asked.keyPair++
        return real.keyPair(given)
      },
    }
    return { asked, ed25519 }
  }

  it('signs and verifies for this process until it is taken back', () => {
    const { asked, ed25519: other } = counting()
    useEd25519(other)
    const before = { ...asked }
    const { did, sign } = signerFromSeed(generateSeed())
    assert.ok(verifies(did, message(0), sign(message(0))))
    assert.deepEqual(asked, { verify: before.verify + 1, keyPair: before.keyPair + 1 })
    useEd25519()
    assert.ok(verifies(did, message(0), sign(message(0))))
    assert.equal(asked.verify, before.verify + 1)
  })

  it('is not asked about what has no form of a signature', () => {
    const { asked, ed25519: other } = counting({ verify: () => true })
    const signature = keyPair(secret).sign(message(0))
    for (const key of [...small.map((point) => point.toBytes()), bytes32(P + 1n), new Uint8Array(31)]) {
      assert.equal(verifySignature(other, key, message(0), signature), false)
    }
    assert.equal(verifySignature(other, A.toBytes(), message(0), concat(R.toBytes(), bytes32(L))), false)
    assert.equal(verifySignature(other, A.toBytes(), message(0), concat(Point.ZERO.toBytes(), bytes32(5n))), false)
    assert.equal(asked.verify, 0)
  })

  it('is asked about all that has one, to the bit', () => {
    const { ed25519: other } = counting({ verify: () => true })
    const isAsked = (key: Uint8Array, signature: Uint8Array) => verifySignature(other, key, message(0), signature)
    const signature = keyPair(secret).sign(message(0))
    const negative = (y: bigint) => bytes32(y | (1n << 255n))
    for (const y of [2n, P - 2n, P - 0xedn, P - 0xeen, P - 2n ** 248n]) {
      for (const point of [bytes32(y), negative(y)]) {
        assert.ok(isAsked(point, signature), `a key with y = ${y}`)
        assert.ok(isAsked(A.toBytes(), concat(point, bytes32(1n))), `an R with y = ${y}`)
      }
    }
    for (let y = P; y < 2n ** 255n; y++) {
      for (const point of [bytes32(y), negative(y)])
        assert.ok(!isAsked(point, signature) && !isAsked(A.toBytes(), concat(point, bytes32(1n))))
    }
    const withS = (S: bigint) => isAsked(A.toBytes(), concat(R.toBytes(), bytes32(S)))
    for (const S of [0n, L - 1n, L - 256n, 2n ** 252n]) assert.ok(withS(S), `S = ${S}`)
    for (const S of [L, L + 1n, L + 256n, 2n ** 253n, 2n ** 256n - 1n]) assert.ok(!withS(S), `S = ${S}`)
    for (const [key, other] of [
      [A.toBytes(), signature.subarray(0, 63)],
      [A.toBytes(), concat(signature, Uint8Array.of(0))],
      [A.toBytes().subarray(0, 31), signature],
      [concat(A.toBytes(), Uint8Array.of(0)), signature],
    ] as const)
      assert.ok(!isAsked(key, other))
  })

  const wrong: { [what: string]: [Partial<Ed25519>, RegExp] } = {
    'accepts everything': [{ verify: () => true }, /something else/],
    'refuses everything': [{ verify: () => false }, /a good signature/],
    'takes the equation with the cofactor': [
      { verify: (key, signed, signature) => ed25519.verify(signature, signed, key, { zip215: true }) },
      /torsion stays/,
    ],
    'signs by another key': [{ keyPair: () => keyPair(secret) }, /public key/],
    'signs otherwise': [{ keyPair: (given) => ({ ...keyPair(given), sign: () => new Uint8Array(64) }) }, /signature of a message/],
  }
  for (const [what, [changes, says]] of Object.entries(wrong)) {
    it(`is refused where it ${what}, and nothing changes`, () => {
      const { asked, ed25519: other } = counting(changes)
      assert.throws(() => useEd25519(other), { name: 'Unavailable', message: says })
      const before = { ...asked }
      const { did, sign } = signerFromSeed(generateSeed())
      assert.ok(verifies(did, message(0), sign(message(0))))
      assert.deepEqual(asked, before)
    })
  }
})

describe("the runtime's keys", () => {
  /** The function itself, counted: what is remembered shows in nothing else. */
  const madeBy = (run: () => void): number => {
    const real = crypto.createPublicKey
    let made = 0
    const counted = (...args: Parameters<typeof real>) => {
      made++
      return real(...args)
    }
    Object.assign(crypto, { createPublicKey: counted })
    try {
      run()
    } finally {
      Object.assign(crypto, { createPublicKey: real })
    }
    return made
  }
  let next = 1n
  const key = () => bytes32(2n ** 200n + (next++ << 8n))
  const ask = (...keys: Uint8Array[]) => {
    for (const each of keys) verifySignature('native', each, message(0), concat(R.toBytes(), bytes32(1n)))
  }
  const isMadeAnew = (known: Uint8Array) => madeBy(() => ask(known)) === 1

  it('are made once, and forgotten all at once where there are too many', () => {
    const known = key()
    const other = key()
    assert.equal(
      madeBy(() => ask(known, other, known, other)),
      2,
    )
    let more = 0
    for (; more <= 4096 && !isMadeAnew(known); more++) ask(key())
    assert.ok(more <= 4096, `${more} keys are remembered`)
    // The one that was too much, and this one; with these it is full.
    for (let count = 2; count < 4096; count++) ask(key())
    assert.ok(!isMadeAnew(known))
    ask(key())
    assert.ok(isMadeAnew(known))
  })
})
