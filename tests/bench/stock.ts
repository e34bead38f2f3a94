import { bytesFromDid, verifySignature } from '@symbiosis/protocol'
import { Schema, Signature } from '@ucanto/core'
import { ed25519, Verifier } from '@ucanto/principal'
import * as Server from '@ucanto/server'
import { CAR } from '@ucanto/transport'
import { authorize, capability } from '@ucanto/validator'
import { keyPair } from '../../protocol/ed25519.ts'

const get = capability({ can: 'shelf/get', with: Schema.did({ method: 'key' }), nb: Schema.struct({ key: Schema.string() }) })

/** A lease as a claim that nobody makes: "the space claims `lease/shelf/get` on the host". */
const leased = capability({
  can: 'lease/shelf/get',
  with: Schema.did({ method: 'key' }),
  derives: (claimed, from) => (claimed.with === from.with ? { ok: {} } : { error: new Server.Failure('another host') }),
})

interface Options {
  /** Whether the lease is validated too: stock knows none, this is the nearest that its exports come. */
  lease?: boolean
  /** OpenSSL for signatures instead of the JavaScript that stock comes with. */
  native?: boolean
}

/** `@ucanto/server`, doing what our host does for `shelf/get` as far as it can. */
export const stockServer = async (seed: Uint8Array, { lease = false, native = false }: Options = {}) => {
  const id = native ? nativeSigner(seed, await ed25519.derive(seed)) : await ed25519.derive(seed)
  const principal = native ? { parse: nativeVerifier } : Verifier
  const server = Server.create({
    id: id as ed25519.EdSigner,
    codec: CAR.inbound,
    principal: principal as never,
    validateAuthorization: () => ({ ok: {} }),
    service: {
      shelf: {
        get: Server.provide(get, async ({ capability: { nb, with: space }, invocation, context }) => {
          if (lease) {
            const source = {
              capability: { can: 'lease/shelf/get', with: id.did(), nb: {} },
              delegation: { cid: invocation.cid, issuer: context.principal.parse(space), proofs: invocation.proofs },
            }
            const match = leased.match(source as never)
            if (match.error) throw match.error
            const { error } = await authorize(match.ok as never, { ...LEASE_CONTEXT, ...context, authority: id } as never)
            if (error) return { error: { name: 'NoLease', message: error.message } }
          }
          return { ok: { key: nb.key, size: nb.key.length } }
        }),
      },
    },
  })
  const headers = { 'content-type': 'application/vnd.ipld.car', accept: 'application/vnd.ipld.car' }
  return async (body: Uint8Array): Promise<Uint8Array> => (await server.request({ headers, body })).body as Uint8Array
}

const LEASE_CONTEXT = {
  canIssue: (claim: { with: string }, issuer: string) => claim.with === issuer,
  resolve: async () => ({ error: { name: 'Unavailable', message: 'not here' } }),
  resolveDIDKey: async () => ({ error: { name: 'Unavailable', message: 'not here' } }),
  proofs: [],
}

/** A stock signer whose key does its work in OpenSSL. */
export const nativeSigner = (seed: Uint8Array, stock: ed25519.EdSigner) => {
  const { sign } = keyPair(seed)
  const overrides = {
    sign: (payload: Uint8Array) => Signature.create(Signature.EdDSA, sign(payload)),
    verify: nativeVerifier(stock.did()).verify,
  }
  return new Proxy(stock, {
    get: (target, name) => (name in overrides ? overrides[name as 'sign'] : bound(target, Reflect.get(target, name, target))),
  })
}

/** One verifier a key, so that OpenSSL's form of it is made once. */
const verifiers = new Map<string, NativeVerifier>()
interface NativeVerifier {
  did(): string
  toDIDKey(): string
  verify(payload: Uint8Array, signature: { raw: Uint8Array }): boolean
}

export const nativeVerifier = (did: string): NativeVerifier => {
  let verifier = verifiers.get(did)
  if (!verifier) {
    const key = bytesFromDid(did).subarray(2)
    verifier = { did: () => did, toDIDKey: () => did, verify: (payload, { raw }) => verifySignature('native', key, payload, raw) }
    verifiers.set(did, verifier)
  }
  return verifier
}

const bound = (target: object, value: unknown): unknown => (typeof value === 'function' ? value.bind(target) : value)
