import { hkdfSync } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  archive,
  type DID,
  delegate,
  extract,
  Failure,
  generateSeed,
  type LocalSigner,
  type Proof,
  signerFromSeed,
} from '@symbiosis/protocol'

/** Who may operate a host: a key of its own, and the host's delegation to it. */
export interface OperatorCredential {
  readonly signer: LocalSigner
  readonly host: DID
  readonly delegation: Proof
}

/** Who a host is. */
export interface Identity {
  readonly signer: LocalSigner
  /** Signs the host's log and nothing else, since notes are signed as text. It comes of the host's key, so that the two are lost and restored together. */
  readonly logSigner: LocalSigner
  /** Cosigns the logs of others and nothing else, for the same reasons. */
  readonly witnessSigner: LocalSigner
}

/** The host's key, made at the first start. Whoever has this file is the host. */
export const openIdentity = (dir: string): Identity => {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, 'host.key')
  const known = readPrivate(path)
  if (known) return readIdentity(path, known)
  const seed = generateSeed()
  const identity = identityOf(seed)
  writePrivate(path, JSON.stringify({ version: 1, did: identity.signer.did, seed: Buffer.from(seed).toString('base64url') }))
  return identity
}

const identityOf = (seed: Uint8Array): Identity => ({
  signer: signerFromSeed(seed),
  logSigner: derived(seed, 'symbiosis log key, version 1'),
  witnessSigner: derived(seed, 'symbiosis witness key, version 1'),
})

const derived = (seed: Uint8Array, label: string): LocalSigner => signerFromSeed(new Uint8Array(hkdfSync('sha256', seed, '', label, 32)))

/** The DID stands beside the seed, so that a damaged seed is no other host's. */
const readIdentity = (path: string, text: string): Identity => {
  try {
    const { did, seed } = JSON.parse(text) as { did?: string; seed: string }
    const identity = identityOf(Buffer.from(seed, 'base64url'))
    if (did !== undefined && did !== identity.signer.did) throw new TypeError(`The seed is not that of ${did}.`)
    return identity
  } catch (cause) {
    throw damaged(path, cause)
  }
}

/** Where a host with that folder keeps its operator's key. */
export const operatorPath = (dir: string): string => join(dir, 'operator.key')

/** Lets whoever can read the host's folder operate it, by a delegation that can be revoked and handed on like every other. */
export const ensureOperator = async (dir: string, host: LocalSigner): Promise<void> => {
  const path = operatorPath(dir)
  if (readPrivate(path)) return
  const seed = generateSeed()
  const delegation = await delegate(host, {
    audience: signerFromSeed(seed).did,
    // Whatever services leave to operators, those of other packages too.
    capabilities: [{ can: '*', with: host.did }],
    expiration: null,
  })
  const content = {
    version: 1,
    host: host.did,
    seed: Buffer.from(seed).toString('base64url'),
    delegation: Buffer.from(archive(delegation)).toString('base64url'),
  }
  writePrivate(path, JSON.stringify(content))
}

/**
 * Reads an operator's credential.
 * @throws Failure NotFound where there is none at `path`, Malformed where it is damaged or open to others
 */
export const readOperator = (path: string): OperatorCredential => {
  const text = readPrivate(path)
  if (!text) throw new Failure('NotFound', `There is no operator's key at ${path}.`, { hint: 'Name the folder of the host with --dir.' })
  try {
    const { host, seed, delegation } = JSON.parse(text) as { host: DID; seed: string; delegation: string }
    return { host, signer: signerFromSeed(Buffer.from(seed, 'base64url')), delegation: extract(Buffer.from(delegation, 'base64url')) }
  } catch (cause) {
    throw damaged(path, cause)
  }
}

const readPrivate = (path: string): string | undefined => {
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new Failure('Malformed', `Others on this machine can read the key ${path}.`, {
        hint: `Take their rights away: chmod 600 ${path}`,
      })
    }
    const text = readFileSync(path, 'utf8')
    JSON.parse(text)
    return text
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    if (error instanceof SyntaxError) throw damaged(path, error)
    throw error
  }
}

/** A key file is whole or absent, whenever the power fails. */
const writePrivate = (path: string, text: string): void => {
  const temporary = `${path}.${process.pid}.tmp`
  const file = openSync(temporary, 'w', 0o600)
  writeSync(file, text)
  fsyncSync(file)
  closeSync(file)
  renameSync(temporary, path)
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

const damaged = (path: string, cause: unknown) =>
  new Failure('Malformed', `The key file ${path} is damaged.`, { hint: 'Restore it from a backup; it is never written over.' }, { cause })
