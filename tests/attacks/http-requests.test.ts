import assert from 'node:assert/strict'
import { access, CAR_TYPE, httpChannel, invoke, type Ucan } from '@symbiosis/protocol'
import { askInTerminal } from '../../host/index.ts'
import { alice, messageOf, setTheStage } from '../fixtures.ts'
import { jarService, watch } from './jar.ts'
import { written } from './wire.ts'

/** Requests as no browser and no client of ours would write them: each is read in one way, or not at all. */
describe('HTTP requests', () => {
  const seen = watch()
  const origins: (string | undefined)[] = []
  const stage = setTheStage(() => ({
    services: [jarService(seen)],
    consent: ({ origin }) => {
      origins.push(origin)
      return { allow: true }
    },
  }))
  let url: string
  let message: string
  let length: string

  before(async () => {
    const { world, lease } = stage
    url = (await world.host.listen({ headersTimeout: 2000, idleTimeout: 2000, names: ['Host.example'] })).url as string
    const call = await world.invocation(alice, { proofs: [lease] })
    message = textOf(messageOf([call], [lease.ucan, call]))
    length = `content-length: ${message.length}`
  })

  const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
  const type = `content-type: ${CAR_TYPE}`
  /** One request on a connection that the host is told to close behind it. */
  const ask = (line: string, headers: readonly string[], body = '') =>
    written(url, Buffer.from([line, ...headers, 'connection: close', '', body].join('\r\n'), 'latin1'))
  const post = (headers: readonly string[], body = message) => ask('POST / HTTP/1.1', ['host: x', type, ...headers], body)
  const chunked = (size: string, body = message) => `${size}\r\n${body}\r\n0\r\n\r\n`
  const size = () => message.length.toString(16)
  const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
  const codeOf = (answer: string) => /"name":"(\w+)"/.exec(answer)?.[1]

  it('are answered in every version that is spoken, and in every case of a header', async () => {
    assert.equal(statusOf(await post([length])), 200)
    assert.equal(statusOf(await ask('POST / HTTP/1.0', [type, length], message)), 200)
    assert.equal(statusOf(await post(['TRANSFER-ENCODING: CHUNKED'], chunked(size()))), 200)
    assert.equal(statusOf(await post([length, 'expect: tea'])), 200)
    assert.match(await post([length, 'expect: 100-continue']), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
    assert.equal(statusOf(await post([length, 'upgrade: websocket'])), 200)
  })

  it('end where one length says, or are refused', async () => {
    for (const headers of [
      [length, length],
      [length, 'content-length: 3'],
      [`${length}, ${message.length}`],
      [`content-length: +${message.length}`],
      ['content-length: -1'],
      ['content-length: 0x10'],
      [length, 'transfer-encoding: chunked'],
      ['transfer-encoding: chunked, gzip'],
      ['transfer-encoding : chunked'],
      [length, 'x-folded: a', ' b'],
      [length, 'x-nul: a\0b'],
    ])
      assert.deepEqual([statusOf(await post(headers)), headers, 1], [400, headers, 1])
    for (const bad of ['zz', '-1', 'FFFFFFFFFFFFFFFFF', ''])
      assert.equal(statusOf(await post(['transfer-encoding: chunked'], chunked(bad))), 400, bad)
    const bare = ['POST / HTTP/1.1', 'host: x', type, length, '', message].join('\n')
    assert.equal(statusOf(await written(url, Buffer.from(bare, 'latin1'))), 400)
  })

  it('say nothing to the host in chunk extensions and trailers', async () => {
    const runs = seen.runs.look ?? 0
    assert.equal(statusOf(await post(['transfer-encoding: chunked'], chunked(`${size()};name="value"`))), 200)
    const trailer = chunked(size()).replace(/\r\n$/, 'origin: https://trusted.example\r\ncontent-type: text/plain\r\n\r\n')
    assert.equal(statusOf(await post(['transfer-encoding: chunked'], trailer)), 200)
    assert.equal(seen.runs.look, runs + 2)
    const long = await post(['transfer-encoding: chunked'], chunked(`${size()};x=${'y'.repeat(20_000)}`))
    assert.deepEqual([statusOf(long), codeOf(long)], [413, 'TooLarge'])
  })

  it('are in no coding that one reader undoes and another does not', async () => {
    for (const answer of [
      await post([length, 'content-encoding: gzip']),
      await post([length, 'content-encoding: identity, br']),
      await post(['transfer-encoding: gzip, chunked'], chunked(size())),
    ])
      assert.deepEqual([statusOf(answer), codeOf(answer)], [415, 'Unsupported'])
    // What has no end that HTTP could find may be refused for that first.
    assert.ok(['Unsupported', 'Malformed'].includes(codeOf(await post(['transfer-encoding: xchunked'])) ?? ''))
    const head = ['POST / HTTP/1.1', 'host: x', type, 'transfer-encoding: identity', '', ''].join('\r\n')
    const smuggled = await written(url, `${head}GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    assert.ok(['Unsupported', 'Malformed'].includes(codeOf(smuggled) ?? ''))
    assert.doesNotMatch(smuggled, /symbiosis_calls/)
  })

  it('name the path alone, and no other host that something on the way might mean', async () => {
    for (const target of ['http://evil.example/', `${url}/`, '//', '/.', '/%2F', '*', '/?', '/#']) {
      const answer = await ask(`POST ${target} HTTP/1.1`, ['host: x', type, length], message)
      assert.ok([400, 404].includes(statusOf(answer)), `${target}: ${answer.slice(0, 40)}`)
    }
    for (const [line, code] of [
      ['TRACE / HTTP/1.1', 'Unsupported'],
      ['CONNECT evil.example:443 HTTP/1.1', 'Unsupported'],
      ['PRI * HTTP/2.0', 'Malformed'],
      ['POST / HTTP/1.2', 'Malformed'],
    ] as const)
      assert.equal(codeOf(await ask(line, ['host: x'])), code, line)
  })

  it('have a head that is bounded', async () => {
    for (const answer of [
      await ask(`GET /${'a'.repeat(20_000)} HTTP/1.1`, ['host: x']),
      await post([length, `x-long: ${'a'.repeat(20_000)}`]),
      await post([length, ...Array.from({ length: 3000 }, (_, at) => `x-${at}: 1`)]),
    ])
      assert.deepEqual([statusOf(answer), codeOf(answer)], [413, 'TooLarge'])
  })

  it('are of the first content type where they say two', async () => {
    assert.equal(statusOf(await post([length, 'content-type: text/plain'])), 200)
    assert.equal(codeOf(await ask('POST / HTTP/1.1', ['host: x', 'content-type: text/plain', type, length], message)), 'Unsupported')
  })

  it('get no header from what they say, and no page from a refusal', async () => {
    for (const content of ['text/html;<script>alert(1)</script>', 'a\tb', `${CAR_TYPE}\u00a0`]) {
      const answer = await ask('POST / HTTP/1.1', ['host: x', `content-type: ${content}`, length], message)
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      assert.equal(statusOf(answer), 415)
      assert.match(head, /content-type: application\/json/)
      assert.doesNotMatch(head, /script|alert/)
      assert.equal(JSON.parse(body).error.name, 'Unsupported')
    }
  })

  it('are told nothing of the inside: no stack, no path of this machine, no name of a module', async () => {
    const { world, lease } = stage
    const answers = [
      await post([length], 'x'.repeat(message.length)),
      await ask('GET /etc/passwd HTTP/1.1', ['host: x']),
      await ask('GET /..%2f..%2fhost.key HTTP/1.1', ['host: x']),
      await post(['content-length: 1', 'content-type: x']),
    ]
    for (const can of ['jar/break', 'jar/nothing', 'access/renew']) {
      const call = await world.invocation(alice, { can, nb: can === 'access/renew' ? { lease: lease.ucan.cid } : {}, proofs: [lease] })
      const sent = messageOf([call], [lease.ucan, call])
      answers.push(await post([`content-length: ${sent.length}`], textOf(sent)))
    }
    for (const answer of answers)
      assert.doesNotMatch(answer, /\.ts\b|node_modules|node:|\bat \w+ \(|sqlite|\/work|\/tmp|\/home|x-powered-by/i)
    assert.ok(answers.every((answer) => !answer.includes(world.dir)))
  })

  const requested = (): Promise<Ucan> => stage.world.invocation(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/look' }] } })
  const requesting = async (...headers: string[]) => {
    const call = await requested()
    const sent = messageOf([call], [call])
    return post([`content-length: ${sent.length}`, ...headers], textOf(sent))
  }

  it('come from the origin that the header names, whoever else is named', async () => {
    const nowhere = {
      signer: alice,
      host: stage.world.did,
      subject: alice.did,
      proofs: [],
      channel: httpChannel(url),
      now: () => stage.world.now,
    }
    await invoke(nowhere, access, 'request', { abilities: [{ can: 'jar/look' }], app: { name: 'https://claimed.example' } })
    await requesting('origin: https://app.example', 'referer: https://other.example/', 'x-forwarded-host: trusted.example')
    await requesting('origin: null')
    await requesting('origin: moz-extension://0a1b2c3d-aaaa-bbbb-cccc-0123456789ab')
    assert.deepEqual(origins.splice(0), [undefined, 'https://app.example', 'null', 'moz-extension://0a1b2c3d-aaaa-bbbb-cccc-0123456789ab'])
  })

  it('with an origin that no browser writes ask nobody', async () => {
    for (const origin of [
      '',
      'evil.example',
      'https://a.example https://b.example',
      'https://a.example\u009b2J\u009b1;1H',
      'https://a.ex\u00e4mple',
      `https://${'a'.repeat(400)}.example`,
    ]) {
      const answer = await requesting(`origin: ${origin}`)
      assert.deepEqual([statusOf(answer), codeOf(answer)], [400, 'Malformed'], origin)
    }
    const two = await requesting('origin: https://a.example', 'origin: https://b.example')
    assert.equal(codeOf(two), 'Malformed')
    assert.deepEqual(origins, [])
  })

  it('for a page that is not open get it by address, and under no name that somebody lets point here', async () => {
    const get = (host: string, path = '/metrics', method = 'GET') => ask(`${method} ${path} HTTP/1.1`, [`host: ${host}`])
    for (const host of [
      '127.0.0.1',
      '127.0.0.1:4747',
      'localhost:1',
      'LOCALHOST',
      '[::1]:4747',
      '10.0.0.7',
      'host.example',
      'Host.Example:80',
    ])
      assert.match(await get(host), /^HTTP\/1\.1 200 .*symbiosis_calls/s, host)
    for (const host of [
      'evil.example',
      'evil.example:4747',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      'xhost.example',
      '',
      '1.evil',
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await get(host, '/metrics', method)
        assert.equal(statusOf(answer), 404, host)
        assert.doesNotMatch(answer, /symbiosis_calls|access-control/)
      }
    }
    assert.equal(statusOf(await get('evil.example', '/')), 200, 'who a host is, anyone may know')
    assert.equal(statusOf(await ask('GET http://127.0.0.1/metrics HTTP/1.1', ['host: evil.example'])), 404)
    assert.equal(statusOf(await ask('GET /metrics HTTP/1.0', [])), 200, 'no browser leaves the host out')
  })
})

describe('the terminal of the owner', () => {
  it('is moved by nothing that a caller says, in the origin neither', async () => {
    const { PassThrough } = await import('node:stream')
    const [input, output] = [new PassThrough(), new PassThrough()]
    const bent = '\u001b[2J\u009b1;1H\r\u202e\u200fevil'
    const request = { space: alice.did, agent: alice.did, abilities: [{ can: 'jar/look' }], ttl: 60, code: 'abc-def', expires: 0 }
    const settled = new AbortController()
    const answer = askInTerminal({ input, output })(
      { ...request, request: undefined as never, origin: bent, why: bent, app: bent },
      settled.signal,
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    const shown = String(output.read())
    settled.abort()
    await answer
    assert.match(shown, /evil/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(shown.split('Allow?')[0] ?? '', /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e]/)
  })
})
