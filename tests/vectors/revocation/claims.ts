import { consistencyProof, type HashReader, inclusionProof, leafHash, rootAt, tileReader } from '@symbiosis/protocol/revocation'
import { toBase64 } from '../json.ts'
import type { ConsistencyFile, ConsistencyVector, InclusionFile, InclusionVector, RootFile } from './format.ts'

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

/** The entries that implementations of RFC 6962 have been tested with since its authors' own, and twelve more. */
const ENTRIES: readonly Uint8Array[] = [
  ...['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(hex),
  ...Array.from({ length: 12 }, (_, index) => new TextEncoder().encode(`entry ${8 + index}`)),
]

/** Nodes are computed from one tile: what is kept nowhere can't be wrong. */
const hashAt: HashReader = tileReader(ENTRIES.length, () => new Uint8Array(Buffer.concat(ENTRIES.map(leafHash))))

export const roots = async (): Promise<RootFile> => ({
  kind: 'root',
  about: 'The roots of trees: RFC 6962, section 2.1. The root of one entry is the hash of a leaf, that of two shows how nodes are hashed.',
  vectors: [
    {
      name: 'no entries',
      description: 'SHA-256 of nothing. Such a tree has a root, and nothing can be proved about it.',
      entries: [],
      expect: { root: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' },
    },
    ...(await Promise.all(
      ENTRIES.map(async (_, index) => ({
        name: `${index + 1} ${index === 0 ? 'entry, which is empty' : 'entries'}`,
        description: 'The first entries of the tree that proofs are about.',
        entries: ENTRIES.slice(0, index + 1).map(toBase64),
        expect: { root: toBase64(await rootAt(index + 1, hashAt)) },
      })),
    )),
  ],
})

type Bent<Vector> = readonly [name: string, description: string, over: Partial<Vector>]

const STRAY = toBase64(new Uint8Array(32).fill(0xa5))
const SHORT = toBase64(new Uint8Array(31).fill(0xa5))
const LONG = toBase64(new Uint8Array(33).fill(0xa5))
const valid = (is: boolean) => ({ expect: { valid: is } })
const malformed = { expect: { code: 'Malformed' } }

/** Ways to bend a proof that has some hashes. */
const bentProofs = (proof: readonly string[]): Bent<{ proof: readonly string[]; expect: InclusionVector['expect'] }>[] => [
  ['a hash more at the end', 'A proof is as long as index and sizes ask for.', { proof: [...proof, STRAY], ...malformed }],
  ['a hash more at the start', 'A proof is as long as index and sizes ask for.', { proof: [STRAY, ...proof], ...malformed }],
  ...(proof.length === 0
    ? []
    : ([
        ['the last hash missing', 'A proof is as long as index and sizes ask for.', { proof: proof.slice(0, -1), ...malformed }],
        ['the first hash missing', 'A proof is as long as index and sizes ask for.', { proof: proof.slice(1), ...malformed }],
        ['no hashes', 'A proof is as long as index and sizes ask for.', { proof: [], ...malformed }],
        ['another first hash', 'It leads to another root.', { proof: proof.with(0, STRAY), ...valid(false) }],
        ['another last hash', 'It leads to another root.', { proof: proof.with(-1, STRAY), ...valid(false) }],
        ['a hash of 31 bytes', "Where two hashes meet would be anyone's guess.", { proof: proof.with(0, SHORT), ...malformed }],
        ['a hash of 33 bytes', "Where two hashes meet would be anyone's guess.", { proof: proof.with(-1, LONG), ...malformed }],
      ] as const)),
  ...(proof.length < 2
    ? []
    : ([['its hashes turned round', 'Each has its place.', { proof: [...proof].reverse(), ...valid(false) }]] as const)),
]

const bend = <Vector extends { name: string; description: string }>(good: Vector, bent: readonly Bent<Vector>[]): Vector[] => [
  good,
  ...bent.map(([name, description, over]) => ({ ...good, name: `${good.name}: ${name}`, description, ...over })),
]

export const inclusions = async (): Promise<InclusionFile> => {
  const vectors: InclusionVector[] = []
  for (const [index, size] of [
    [0, 1],
    [0, 2],
    [1, 2],
    [0, 8],
    [5, 8],
    [2, 3],
    [4, 5],
    [1, 5],
    [6, 7],
    [16, 17],
    [19, 20],
  ] as const) {
    const good: InclusionVector = {
      name: `${index} of ${size}`,
      description: 'It holds.',
      index,
      size,
      leaf: toBase64(leafHash(ENTRIES[index] as Uint8Array)),
      proof: (await inclusionProof(index, size, hashAt)).map(toBase64),
      root: toBase64(await rootAt(size, hashAt)),
      ...valid(true),
    }
    vectors.push(
      ...bend<InclusionVector>(good, [
        ...bentProofs(good.proof),
        ['another leaf', 'It is not there.', { leaf: STRAY, ...valid(false) }],
        ['another root', 'It is not that tree.', { root: STRAY, ...valid(false) }],
        ['a leaf of 31 bytes', 'It is no hash.', { leaf: SHORT, ...malformed }],
        ['no leaf', 'It is no hash.', { leaf: '', ...malformed }],
        ['a root of 31 bytes', "It is no tree's.", { root: SHORT, ...valid(false) }],
        ['a size of 0', 'Nothing is in such a tree.', { size: 0, ...malformed }],
        ['an index that is the size', 'The last index is one less.', { index: size, ...malformed }],
        ['a negative index', 'Indexes begin at 0.', { index: -1, ...malformed }],
        ['an index between two', 'Indexes are integers.', { index: index + 0.5, ...malformed }],
        ['a size of 2^53', 'Not every language can tell it from its neighbour.', { size: 2 ** 53, ...malformed }],
      ]),
    )
  }
  return {
    kind: 'inclusion',
    about: 'Inclusion proofs: RFC 6962, section 2.1.1. The claims are about the tree over `entries`, whose first `size` count.',
    entries: ENTRIES.map(toBase64),
    vectors,
  }
}

export const consistencies = async (): Promise<ConsistencyFile> => {
  const vectors: ConsistencyVector[] = []
  for (const [from, to] of [
    [1, 1],
    [8, 8],
    [1, 8],
    [6, 8],
    [2, 5],
    [4, 7],
    [3, 7],
    [7, 17],
    [16, 17],
    [13, 20],
  ] as const) {
    const good: ConsistencyVector = {
      name: `${from} to ${to}`,
      description: 'It holds.',
      from,
      to,
      proof: (await consistencyProof(from, to, hashAt)).map(toBase64),
      fromRoot: toBase64(await rootAt(from, hashAt)),
      toRoot: toBase64(await rootAt(to, hashAt)),
      ...valid(true),
    }
    vectors.push(
      ...bend<ConsistencyVector>(good, [
        ...bentProofs(good.proof),
        ['another earlier root', 'It was not that tree.', { fromRoot: STRAY, ...valid(false) }],
        ['another later root', 'It is not that tree.', { toRoot: STRAY, ...valid(false) }],
        ['a size of 0', 'Every tree begins with the empty one, and nothing proves it.', { from: 0, ...malformed }],
        ['two sizes of 0', 'Every tree begins with the empty one, and nothing proves it.', { from: 0, to: 0, proof: [], ...malformed }],
        ['a negative size', 'Sizes begin at 1 here.', { from: -1, ...malformed }],
        ['a size between two', 'Sizes are integers.', { from: from - 0.5, ...malformed }],
        ['a size of 2^53', 'Not every language can tell it from its neighbour.', { to: 2 ** 53, ...malformed }],
        ['sizes the wrong way round', 'A tree can not begin with a larger one.', { from: to + 1, ...malformed }],
        ...(from === to
          ? []
          : ([
              ['roots the wrong way round', 'Each size has its root.', { fromRoot: good.toRoot, toRoot: good.fromRoot, ...valid(false) }],
            ] as const)),
      ]),
    )
  }
  return {
    kind: 'consistency',
    about: 'Consistency proofs: RFC 6962, section 2.1.2. The claims are about the tree over `entries`, at two sizes of it.',
    entries: ENTRIES.map(toBase64),
    vectors,
  }
}
