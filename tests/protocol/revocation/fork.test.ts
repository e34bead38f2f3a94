import assert from 'node:assert/strict'
import { archive, delegate, generateSeed, signerFromSeed } from '@symbiosis/protocol'
import {
  consistencyProof,
  decodeFork,
  encodeFork,
  type Fork,
  formatCheckpoint,
  noteSigner,
  originOf,
  signNote,
  verifyFork,
} from '@symbiosis/protocol/revocation'
import { refuses } from '../refusal.ts'
import { Nodes } from './forest.ts'

const host = signerFromSeed(generateSeed())
const logger = signerFromSeed(generateSeed())

/** A log of texts. */
const tree = (...texts: string[]) => {
  const nodes = new Nodes(0)
  for (const text of texts) nodes.append(new TextEncoder().encode(text))
  return { size: texts.length, root: nodes.range.root(), hashAt: nodes.hashAt }
}

const keyBy = async (signer = host) =>
  archive(await delegate(signer, { audience: logger.did, capabilities: [{ can: 'log/sign', with: signer.did }], expiration: null }))

const signed = ({ size, root }: { size: number; root: Uint8Array }, by = logger, of = host.did) =>
  signNote({ text: formatCheckpoint({ origin: originOf(of), size, root }) }, noteSigner(originOf(of), by))

const honest = tree('a', 'b', 'c', 'd', 'e')
const forkOf = async (older: ReturnType<typeof tree>, newer: ReturnType<typeof tree>, began = tree('a', 'b', 'c')): Promise<Fork> => ({
  host: host.did,
  key: await keyBy(),
  older: await signed(older),
  newer: await signed(newer),
  ...(older.size < newer.size && {
    began: { root: began.root, proof: await consistencyProof(older.size, newer.size, newer.hashAt) },
  }),
})

describe('a fork of a log', () => {
  it('is shown by two checkpoints, whoever looks at them', async () => {
    const rewritten = await forkOf(tree('a', 'x', 'c'), honest)
    const { older, newer } = verifyFork(decodeFork(encodeFork(rewritten)))
    assert.deepEqual([older.size, newer.size], [3, 5])
    const split = await forkOf(tree('a', 'b', 'c', 'd', 'x'), honest)
    assert.equal(split.began, undefined)
    assert.equal(verifyFork(decodeFork(encodeFork(split))).newer.size, 5)
  })

  it('is no fork where the log only grew', async () => {
    const grown = await forkOf(tree('a', 'b', 'c'), honest)
    refuses(() => verifyFork(grown), 'BadSignature', { field: 'began' })
    const same = await forkOf(honest, honest)
    refuses(() => verifyFork(same), 'BadSignature')
    const empty = { ...(await forkOf(tree('a', 'x', 'c'), honest)), older: await signed(tree()) }
    refuses(() => verifyFork(empty), 'BadSignature')
  })

  it('is not made up: of roots that nobody signed, or that no proof leads from', async () => {
    const fork = await forkOf(tree('a', 'x', 'c'), honest)
    const { began, ...bare } = fork
    refuses(() => verifyFork(bare), 'BadSignature', { field: 'began' })
    const made = { ...fork, began: { root: tree('a', 'y', 'c').root, proof: began?.proof ?? [] } }
    refuses(() => verifyFork(made), 'BadSignature', { field: 'began' })
    const other = signerFromSeed(generateSeed())
    const forged = { ...fork, older: await signed(tree('a', 'x', 'c'), other) }
    refuses(() => verifyFork(forged), 'BadSignature')
    const elsewhere = { ...fork, older: await signed(tree('a', 'x', 'c'), logger, other.did) }
    refuses(() => verifyFork(elsewhere), 'BadSignature')
    const lent = { ...fork, key: await keyBy(other) }
    refuses(() => verifyFork(lent), 'BadSignature')
    refuses(() => verifyFork({ ...fork, older: fork.newer, newer: fork.older }), 'Malformed', { field: 'newer' })
  })

  it('is read strictly', async () => {
    const file = encodeFork(await forkOf(tree('a', 'x', 'c'), honest))
    for (const bent of [new Uint8Array(), file.subarray(1), Uint8Array.of(...file, 0), new TextEncoder().encode('{}')]) {
      assert.throws(() => decodeFork(bent), { name: /^(Malformed|NotCanonical)$/ })
    }
  })
})
