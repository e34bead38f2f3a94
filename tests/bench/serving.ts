import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sodium } from '@symbiosis/host/sodium'
import { encodeInvocations, generateSeed, signerFromSeed, ucansOf, useEd25519 } from '@symbiosis/protocol'
import { generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { anchor } from './anchor.ts'
import { answering, tell } from './children.ts'
import { collect, settle } from './garbage.ts'
import type { Post } from './posts.ts'
import { stockServer } from './stock.ts'
import { callerOf, issue, leasedBy, leaseFrom, messagesOf, now, openHost } from './world.ts'

/**
 * A server in a process of its own: `start('./serving.ts', [kind])`. It sends `{ url }`; asked `{ prepare: count, calls }` it sends that many requests of so many calls
 * which nobody has made, asked `{ cpu: true }` the CPU microseconds that it has used.
 */
interface Serving {
  readonly url: string
  prepare(count: number, calls: number): Promise<Post[]>
}

const CAR = { 'content-type': 'application/vnd.ipld.car', accept: 'application/vnd.ipld.car' }

/** Our host as it is run. */
const ours = async (): Promise<Serving> => {
  const { host } = await openHost()
  const { url } = await host.listen()
  const caller = await callerOf(host.did, 1, leasedBy(host))
  const post = async (calls: number): Promise<Post> => {
    const invocations = await Promise.all(Array.from({ length: calls }, () => issue(caller)))
    return { headers: CAR, body: encodeInvocations(invocations, ucansOf(caller.proofs)) }
  }
  return { url: url as string, prepare: (count, calls) => Promise.all(Array.from({ length: count }, () => post(calls))) }
}

/** The same with a faster Ed25519. */
const withSodium = (): Promise<Serving> => {
  useEd25519(sodium())
  return ours()
}

/** `@ucanto/server` with the principal that it comes with. */
const stock = async (): Promise<Serving> => {
  const seed = generateSeed()
  const answer = await stockServer(seed, { lease: true })
  const key = signerFromSeed(seed)
  const caller = await callerOf(key.did, 1, leaseFrom(key))
  return {
    url: await listen(async ({ body }) => answer(body)),
    prepare: async (count) => (await messagesOf(caller, count)).map((body) => ({ headers: CAR, body })),
  }
}

/** What one would write without any of this: JSON RPC, the caller known by an EdDSA JWT, the reply signed likewise. */
const jwt = async (): Promise<Serving> => {
  const [caller, host] = [await generateKeyPair('EdDSA'), await generateKeyPair('EdDSA')]
  const answer = async ({ headers, body }: Post) => {
    const token = headers.authorization?.replace('Bearer ', '') ?? ''
    const { payload } = await jwtVerify(token, caller.publicKey, { audience: 'host', issuer: 'caller', requiredClaims: ['exp', 'jti'] })
    const { id, method, params } = JSON.parse(Buffer.from(body).toString())
    if (method !== 'shelf/get') throw new Error('unknown method')
    const reply = { jsonrpc: '2.0', id, result: { key: params.key, size: params.key.length } }
    return Buffer.from(
      await new SignJWT({ ...reply, ran: payload.jti }).setProtectedHeader({ alg: 'EdDSA' }).setIssuer('host').sign(host.privateKey),
    )
  }
  const post = async (id: number): Promise<Post> => {
    const claims = new SignJWT({ scope: 'shelf/get' }).setProtectedHeader({ alg: 'EdDSA' }).setIssuer('caller').setAudience('host')
    const token = await claims
      .setExpirationTime(now() + 300)
      .setJti(randomUUID())
      .sign(caller.privateKey)
    return {
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method: 'shelf/get', params: { key: 'alice' } })),
    }
  }
  return { url: await listen(answer), prepare: (count) => Promise.all(Array.from({ length: count }, (_, id) => post(id))) }
}

/** The two operations that a signed call can't do without, behind the least that node:http takes for messages of their size. */
const least = async (): Promise<Serving> => {
  const { prepare, run } = anchor()
  const [work] = await prepare(1)
  if (!work) throw new TypeError('There is nothing to verify.')
  const host = signerFromSeed(generateSeed())
  const caller = await callerOf(host.did, 1, leaseFrom(host))
  const answer = new Uint8Array(ANSWER_BYTES)
  const server = createServer((request, response) => {
    request
      .on('data', () => {})
      .on('end', () => {
        run(work)
        response.writeHead(200, { 'content-length': answer.length }).end(answer)
      })
  })
  return {
    url: await listening(server),
    prepare: async (count) => (await messagesOf(caller, count)).map((body) => ({ headers: CAR, body })),
  }
}

/** About what our answers take. */
const ANSWER_BYTES = 800

const listen = async (answer: (post: Post) => Promise<Uint8Array>): Promise<string> => {
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = await answer({ headers: request.headers as Record<string, string>, body: Buffer.concat(chunks) })
    response.writeHead(200, { 'content-length': body.length }).end(body)
  })
  return listening(server)
}

const listening = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const KINDS = { ours, sodium: withSodium, stock, jwt, least }
const { url, prepare } = await KINDS[process.argv[2] as keyof typeof KINDS]()
answering(async (asked: { prepare: number; calls: number } | { cpu: true }) => {
  if ('prepare' in asked) {
    const posts = await prepare(asked.prepare, asked.calls)
    settle()
    return { posts }
  }
  collect()
  const { user, system } = process.cpuUsage()
  return { cpu: user + system }
})
tell({ url })
