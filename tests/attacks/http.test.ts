import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type Block, CAR_TYPE, decodeReceipts, encodeVarint, httpChannel, readReceipt, STREAM_TYPE } from '@symbiosis/protocol'
import { alice, expect, messageOf, setTheStage } from '../fixtures.ts'
import { jarService, watch } from './jar.ts'
import { written } from './wire.ts'

describe('the HTTP door', () => {
  const seen = watch()
  const stage = setTheStage(() => ({ services: [jarService(seen)], bounds: { messageBytes: 64 * 1024, blockBytes: 1024 * 1024 } }))
  let url: string
  let good: Uint8Array<ArrayBuffer>

  before(async () => {
    const { world, lease } = stage
    url = (await world.host.listen({ headersTimeout: 1000, idleTimeout: 1500 })).url as string
    const call = await world.invocation(alice, { proofs: [lease] })
    good = messageOf([call], [lease.ucan, call]) as Uint8Array<ArrayBuffer>
  })

  const post = async (init: RequestInit & { path?: string; duplex?: 'half' }) => {
    const response = await fetch(`${url}${init.path ?? '/'}`, {
      method: 'POST',
      body: good,
      headers: { 'content-type': CAR_TYPE },
      ...init,
    })
    const text = response.headers.get('content-type') === 'application/json' ? await response.text() : ''
    const { error } = (text ? JSON.parse(text) : {}) as { error?: { name: string; [detail: string]: unknown } }
    return { response, status: response.status, error }
  }

  it('answers a message, to any web page', async () => {
    const { response, status } = await post({ headers: { 'content-type': CAR_TYPE, origin: 'https://app.example' } })
    assert.equal(status, 200)
    assert.equal(response.headers.get('content-type'), CAR_TYPE)
    assert.equal(response.headers.get('access-control-allow-origin'), '*')
    assert.equal(response.headers.get('access-control-allow-credentials'), null)
    assert.equal(response.headers.get('set-cookie'), null)
  })

  it('speaks its content types and no others, and says which', async () => {
    for (const type of [
      `${CAR_TYPE}; charset=utf-8`,
      'application/json',
      'text/plain',
      'multipart/form-data',
      '',
      `${CAR_TYPE} `.toUpperCase(),
    ]) {
      const { status, error } = await post({ headers: { 'content-type': type } })
      assert.equal(status, 415, type)
      assert.equal(error?.name, 'Unsupported')
      assert.deepEqual(error?.supported, [CAR_TYPE, STREAM_TYPE])
    }
    const { status, error } = await post({ headers: {}, body: good.buffer })
    assert.deepEqual([status, error?.name], [415, 'Unsupported'])
  })

  it('answers several calls with a stream behind them, each for itself', async () => {
    const { world, lease } = stage
    const calls = await Promise.all([1, 2, 3].map(() => world.invocation(alice, { proofs: [lease] })))
    const message = messageOf(calls, [lease.ucan, ...calls])
    const body = Buffer.concat([encodeVarint(message.length), message, Buffer.from('a stream')])
    const { response } = await post({ body, headers: { 'content-type': STREAM_TYPE } })
    const receipts = decodeReceipts(new Uint8Array(await response.arrayBuffer()))
    const verdicts = calls.map(({ cid }) => readReceipt(receipts.get(String(cid)) as Block, cid, world.did).out)
    assert.deepEqual(
      verdicts.map(({ error }) => error?.name ?? 'ok'),
      ['ok', 'ok', 'ok'],
    )
  })

  it('outlives who sends CONNECT and leaves', async () => {
    const { port } = new URL(url)
    for (let caller = 0; caller < 50; caller++) {
      const socket = connect({ port: Number(port), host: '127.0.0.1' }).on('error', () => {})
      await once(socket, 'connect')
      socket.write('CONNECT host:1 HTTP/1.1\r\nhost: x\r\n\r\n')
      await new Promise((resolve) => (caller % 2 === 0 ? process.nextTick(resolve) : setImmediate(resolve)))
      socket.resetAndDestroy()
    }
    const { status } = await post({})
    assert.equal(status, 200)
  })

  it('has one path for messages, and one method', async () => {
    for (const path of ['/other', '//', '/?x=1', '/healthz', '/../']) {
      const { status, error } = await post({ path })
      if (path === '/../') assert.equal(status, 200, 'fetch walks up by itself')
      else assert.deepEqual([status, error?.name], [404, 'NotFound'], path)
    }
    for (const method of ['PUT', 'DELETE', 'PATCH']) assert.equal((await post({ method })).error?.name, 'Unsupported')
    const got = await fetch(`${url}/nothing`)
    assert.deepEqual([got.status, ((await got.json()) as { error: { name: string } }).error.name], [404, 'NotFound'])
  })

  it('lets pages ask before they call', async () => {
    const response = await fetch(url, { method: 'OPTIONS' })
    assert.equal(response.status, 204)
    assert.equal(response.headers.get('access-control-allow-origin'), '*')
    assert.match(response.headers.get('access-control-allow-methods') ?? '', /POST/)
    assert.match(response.headers.get('access-control-allow-headers') ?? '', /content-type/)
  })

  it('shows its metrics to no web page', async () => {
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(`${url}/metrics`, { method })
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('access-control-allow-origin'), null, method)
    }
  })

  it('refuses what is a byte too long: by its length, and by its bytes where it says none', async () => {
    const sized = (size: number) => new Uint8Array(size)
    const chunked = (size: number) => ({ body: new Blob([sized(size)]).stream(), duplex: 'half' as const })
    assert.equal((await post({ body: sized(64 * 1024) })).error?.name, 'Malformed')
    assert.equal((await post(chunked(64 * 1024))).error?.name, 'Malformed')
    for (const over of [{ body: sized(64 * 1024 + 1) }, chunked(64 * 1024 + 1)]) {
      const { status, error } = await post(over)
      assert.deepEqual([status, error?.name, error?.field, error?.limit], [413, 'TooLarge', 'messageBytes', 64 * 1024])
    }
    const streamed = Uint8Array.of(...encodeVarint(64 * 1024 + 1))
    assert.equal((await post({ body: streamed, headers: { 'content-type': STREAM_TYPE } })).error?.name, 'TooLarge')
  })

  it('tells a refusal to who sends far too much, rather than breaking off', async () => {
    const refused = httpChannel(url)
      .request(new Uint8Array(30 * 1024 * 1024))
      .then(() => ({ ok: {} }))
    await expect(refused, 'TooLarge', { field: 'messageBytes' })
  })

  it('tells the answer to who uploads what is not wanted any more', async () => {
    const { world, lease } = stage
    for (let round = 0; round < 5; round++) {
      const call = await world.invocation(alice, { can: 'jar/fill', nb: { stopAt: 1000 }, proofs: [lease] })
      const body = new Blob([new Uint8Array(20 * 1024 * 1024)]).stream()
      const answer = await httpChannel(url).open(messageOf([call], [lease.ucan, call]), { body })
      assert.ok(answer.message.length > 0)
    }
  })

  it('refuses a stream that is none', async () => {
    const headers = { 'content-type': STREAM_TYPE }
    for (const body of [new Uint8Array(), Uint8Array.of(0), Uint8Array.of(5, 1, 2), new Uint8Array(9).fill(0xff)]) {
      assert.equal((await post({ body, headers })).error?.name, 'Malformed')
    }
  })

  it('wants a stream where the ability takes or gives one', async () => {
    const { world, lease } = stage
    for (const can of ['jar/fill', 'jar/pour']) {
      const call = await world.invocation(alice, { can, nb: can === 'jar/pour' ? { bytes: 1 } : {}, proofs: [lease] })
      await expect(world.send(call, [lease.ucan], httpChannel(url)), 'Unsupported')
      const two = await world.invocation(alice, { can, nb: can === 'jar/pour' ? { bytes: 1 } : {}, proofs: [lease] })
      const both = messageOf([call, two], [lease.ucan, call, two])
      const answer = await httpChannel(url).open(both)
      assert.equal(answer.body, undefined, 'streams belong to one call')
    }
  })

  it('streams one way at a time', async () => {
    const { world, lease } = stage
    const call = await world.invocation(alice, { can: 'jar/pour', nb: { bytes: 1 }, proofs: [lease] })
    const answer = await httpChannel(url).open(messageOf([call], [lease.ucan, call]), { body: new Blob(['up']).stream() })
    await answer.body?.cancel()
    const receipt = decodeReceipts(answer.message).get(String(call.cid)) as Block
    assert.equal(readReceipt(receipt, call.cid, world.did).out.error?.name, 'Unsupported')
  })

  const raw = (bytes: string | Uint8Array, options = {}) => written(url, bytes, options)

  it('lets go of who begins and does not go on', async () => {
    const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${CAR_TYPE}\r\n`
    const started = Date.now()
    await Promise.all([
      raw('POST / HT'),
      raw(`${head}content-length: 100\r\n\r\nabc`),
      raw(`${head}transfer-encoding: chunked\r\n\r\n5\r\nabc`),
      raw(`${head}content-length: 100\r\n\r\nabc`, { end: true }),
    ])
    assert.ok(Date.now() - started < 40_000)
    assert.equal((await post({})).status, 200)
  }).timeout(60_000)

  it('tells who stops in the middle of a stream, where they still wait for the answer', async () => {
    const { world, lease } = stage
    const call = await world.invocation(alice, { can: 'jar/fill', proofs: [lease] })
    const message = messageOf([call], [lease.ucan, call])
    const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${STREAM_TYPE}\r\ncontent-length: ${message.length + 1000}\r\n\r\n`
    const answer = await raw(Buffer.concat([Buffer.from(head), encodeVarint(message.length), message]))
    assert.match(answer, /^HTTP\/1.1 408 /)
    assert.match(answer, /"field":"idleTimeout","name":"Cancelled"/)
  }).timeout(60_000)

  it('survives who goes away in the middle, at every point', async () => {
    const { world, lease } = stage
    const { port, hostname } = new URL(url)
    const call = await world.invocation(alice, { can: 'jar/pour', nb: { bytes: 50 * 1024 * 1024 }, proofs: [lease] })
    const message = messageOf([call], [lease.ucan, call])
    const request = Buffer.concat([
      Buffer.from(
        `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${CAR_TYPE}\r\naccept: ${STREAM_TYPE}\r\ncontent-length: ${message.length}\r\n\r\n`,
      ),
      message,
    ])
    await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const socket = connect(Number(port), hostname)
        socket.on('error', () => {})
        socket.write(request.subarray(0, at % 2 === 0 ? request.length : Math.floor((request.length * at) / 60)))
        await new Promise((resolve) => setTimeout(resolve, at))
        socket.destroy()
      }),
    )
    // Those who are still waited for have their turns.
    for (let waited = 0; waited < 50; waited++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      if (waited > 2 && seen.released === seen.runs.pour) break
    }
    assert.equal(seen.released, seen.runs.pour ?? 0, 'a stream was not let go')
    assert.equal((await post({})).status, 200)
  })

  it('refuses by its length alone what is too long, and reads none of it', async () => {
    const answer = await raw(`POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${CAR_TYPE}\r\ncontent-length: ${64 * 1024 + 1}\r\n\r\n`)
    assert.match(answer, /^HTTP\/1.1 413 /)
  })

  it('stops reading where too much has come, though the end has not', async () => {
    const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${CAR_TYPE}\r\ntransfer-encoding: chunked\r\n\r\n`
    const chunk = `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n`
    assert.match(await raw(head + chunk), /^HTTP\/1.1 413 /)
  })

  it('passes no request on that could be read in two ways', async () => {
    const smuggled = await raw(
      `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${CAR_TYPE}\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nhost: x\r\n\r\n`,
      { end: true },
    )
    assert.doesNotMatch(smuggled, /symbiosis_calls/)
  })
})
