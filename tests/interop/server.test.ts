import assert from 'node:assert/strict'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Caller, type DID, delegate, generateSeed, httpChannel, invoke, type Proof, signerFromSeed } from '@symbiosis/protocol'
import { Schema } from '@ucanto/core'
import { ed25519, Verifier } from '@ucanto/principal'
import * as Server from '@ucanto/server'
import { CAR } from '@ucanto/transport'
import { shelf } from './service.ts'

const now = () => Math.floor(Date.now() / 1000)

describe('A stock @ucanto/server', () => {
  let id: ed25519.EdSigner
  let http: HttpServer
  let caller: (overrides?: Partial<Caller>) => Caller
  const space = signerFromSeed(generateSeed())
  const agent = signerFromSeed(generateSeed())

  before(async () => {
    id = await ed25519.generate()
    // In stock words only: what a service that never heard of us would write.
    const read = Server.capability({
      can: 'shelf/read',
      with: Schema.did({ method: 'key' }),
      nb: Schema.struct({ name: Schema.string(), after: Schema.link().optional() }),
    })
    const server = Server.create({
      id,
      codec: CAR.inbound,
      principal: Verifier,
      validateAuthorization: () => ({ ok: {} }),
      service: {
        shelf: {
          read: Server.provide(read, ({ capability: { nb } }) =>
            nb.name === ''
              ? Server.error({ name: 'NoName', message: 'A note has a name.' })
              : Server.ok({ name: nb.name, length: nb.name.length }),
          ),
        },
      },
    })
    http = createServer(async (request, response) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request) chunks.push(chunk)
      const answer = await server.request({ headers: request.headers as Record<string, string>, body: Buffer.concat(chunks) })
      response.writeHead(answer.status ?? 200, answer.headers).end(answer.body)
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const { port } = http.address() as AddressInfo
    caller = (overrides = {}) => ({
      signer: space,
      host: id.did() as DID,
      subject: space.did,
      proofs: [],
      channel: httpChannel(`http://127.0.0.1:${port}/`),
      now,
      ...overrides,
    })
  })
  after(() => http.close())

  it('executes what we invoke, and we verify its receipt', async () => {
    const { result } = await invoke(caller(), shelf, 'read', { name: 'alice' })
    assert.deepEqual(result, { ok: { name: 'alice', length: 5 } })
  })

  it('follows our delegations, over two links', async () => {
    const middle = signerFromSeed(generateSeed())
    const capabilities = [{ can: 'shelf/*', with: space.did }]
    const first = await delegate(space, { audience: middle.did, capabilities, expiration: null })
    const second = await delegate(middle, { audience: agent.did, capabilities, expiration: now() + 60, proofs: [first] })
    const { result } = await invoke(caller({ signer: agent, proofs: [second] }), shelf, 'read', { name: 'bob' })
    assert.deepEqual(result, { ok: { name: 'bob', length: 3 } })
  })

  it('refuses what nobody delegated, and we read why', async () => {
    const stranger = await delegate(agent, { audience: agent.did, capabilities: [{ can: 'shelf/*', with: space.did }], expiration: null })
    for (const proofs of [[], [stranger]] as Proof[][]) {
      const { result } = await invoke(caller({ signer: agent, proofs }), shelf, 'read', { name: 'mallory' })
      assert.equal(result.error?.name, 'Unauthorized')
    }
  })

  it('answers with errors of its own', async () => {
    const { result } = await invoke(caller(), shelf, 'read', { name: '' })
    assert.deepEqual(result.error, { name: 'NoName', message: 'A note has a name.' })
  })

  it('is not believed under another name', async () => {
    const other = signerFromSeed(generateSeed()).did
    // It refuses a call that is for somebody else, and signs that; but it isn't whom we asked.
    await assert.rejects(invoke(caller({ host: other }), shelf, 'read', { name: 'alice' }), { name: 'WrongAudience' })
  })
})
