import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Block, CAR_TYPE, CODES, type Code, encode, homeLogsFact, httpChannel, type Ucan } from '@symbiosis/protocol'
import { alice, bob, type CallShape, folders, given, mallory, messageOf, NOW, phone, setTheStage, World } from '../fixtures.ts'
import { bent, blockOf } from './bent.ts'
import { jarService } from './jar.ts'
import { written } from './wire.ts'

/** What came back over HTTP: the code in a receipt that the host signed, or with a status where it could sign nothing. */
type Met = Code | 'ok' | `${Code} ${number}`

interface Case {
  /** A call, or a message, that meets the code over a real connection. */
  provoke(): Promise<Met>
  met: Met
  /** Where the code is attacked at length: a file of this folder, or another, and a title in it. */
  test: readonly [file: string, title: string]
}

/** Codes of the list that this host never says. */
const UNSAID: Partial<Record<Code, string>> = {
  Replayed: 'is for hosts that do not keep the answers of calls that run once; this one does, and answers a replay',
}

describe('every code', () => {
  const folder = folders()
  const stage = setTheStage(() => ({
    services: [jarService()],
    maxPendingPerSpace: 1,
    consent: ({ why }) => (why === 'deny' ? { allow: false } : undefined),
  }))
  let url: string
  before(async () => {
    url = (await stage.world.host.listen({ messageTimeout: 300 })).url as string
  })

  const call = async (from: typeof alice, over: Partial<CallShape> = {}): Promise<Met> => {
    const { proofs = [stage.lease], attach = [] } = over
    const blocks = [...proofs, ...attach].flatMap(({ ucan, proofs: above }) => [...above, ucan])
    return send(await stage.world.invocation(from, { ...over, proofs }), blocks)
  }
  const send = async (invocation: Ucan, blocks: readonly Block[]): Promise<Met> =>
    ((await stage.world.send(invocation, blocks, httpChannel(url))).error?.name as Code | undefined) ?? 'ok'
  const post = async (body: Uint8Array, type = CAR_TYPE): Promise<Met> => {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body: body as Uint8Array<ArrayBuffer> })
    return response.ok ? 'ok' : codeOf(response.status, await response.text())
  }
  const codeOf = (status: number, body: string): Met => `${JSON.parse(body).error.name as Code} ${status}`
  const answered = (answer: string): Met => {
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    return codeOf(Number(head.split(' ')[1]), body)
  }
  const head = (length: number) => `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${CAR_TYPE}\r\ncontent-length: ${length}\r\n\r\n`
  const asking = (why: string) => call(bob, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }], why }, proofs: [] })

  const CASES: Partial<Record<Code, Case>> = {
    Malformed: { provoke: () => post(encode('no CAR')), met: 'Malformed 400', test: ['decode.test.ts', 'refuses what is no CAR'] },
    TooLarge: {
      provoke: () => post(new Uint8Array(1024 * 1024 + 1)),
      met: 'TooLarge 413',
      test: ['bounds.test.ts', 'messageBytes: to the byte'],
    },
    Unsupported: {
      provoke: () => post(new Uint8Array(1), 'application/json'),
      met: 'Unsupported 415',
      test: ['http.test.ts', 'speaks its content types and no others, and says which'],
    },
    BadHash: {
      provoke: async () => post(messageOf([stage.lease.ucan], [{ cid: stage.lease.ucan.cid, bytes: stage.device.ucan.bytes }])),
      met: 'BadHash 400',
      test: ['decode.test.ts', 'refuses every flipped bit, or answers in order'],
    },
    NotCanonical: {
      provoke: async () => post(messageOf([stage.lease.ucan], [bent(stage.lease.ucan, { fct: [] })])),
      met: 'NotCanonical 400',
      test: ['canonical-form.test.ts', 'voids a message for one bent block that nothing names'],
    },
    BadSignature: {
      provoke: async () => {
        const good = await stage.world.invocation(alice, { proofs: [stage.lease] })
        return send({ ...good, ...bent(good, { nnc: 'other' }) }, [stage.lease.ucan])
      },
      met: 'BadSignature',
      test: ['signature.test.ts', 'of a call, with each of its signed fields changed'],
    },
    Expired: { provoke: () => call(alice, { expiration: NOW - 61 }), met: 'Expired', test: ['time.test.ts', 'of a call: it ended'] },
    TooEarly: {
      provoke: () => call(alice, { notBefore: NOW + 61 }),
      met: 'TooEarly',
      test: ['time.test.ts', 'of a call: it has not begun'],
    },
    TooLong: { provoke: () => call(alice, { expiration: null }), met: 'TooLong', test: ['time.test.ts', 'of a call: it lives too long'] },
    WrongAudience: {
      provoke: () => call(alice, { audience: bob.did }),
      met: 'WrongAudience',
      test: ['addressing.test.ts', 'a call for another host is not for this one'],
    },
    NotOwner: {
      provoke: () => call(mallory, { subject: alice.did }),
      met: 'NotOwner',
      test: ['owner-chain.test.ts', 'leads from the space to the caller'],
    },
    NoLease: {
      provoke: () => call(alice, { proofs: [] }),
      met: 'NoLease',
      test: ['lease-chain.test.ts', 'leads from the host to the space'],
    },
    StaleLog: {
      provoke: async () => {
        const device = await given(alice, phone, alice.did, { facts: [homeLogsFact([{ did: bob.did, url: 'unix:/nobody' }])] })
        return call(phone, { subject: alice.did, proofs: [device, stage.lease] })
      },
      met: 'StaleLog',
      test: ['stale-log.test.ts', 'of a log that was never heard of'],
    },
    LimitExceeded: {
      provoke: async () =>
        call(alice, { can: 'jar/put', nb: { thing: 'a', size: 2 }, proofs: [await stage.world.lease(alice, { nb: { bytes: 1 } })] }),
      met: 'LimitExceeded',
      test: ['quota.test.ts', 'of one chain is overshot by no byte by two hundred writers over HTTP, and every other one is told so'],
    },
    Revoked: {
      provoke: async () => {
        const device = await given(alice, phone, alice.did)
        await call(alice, { can: 'ucan/revoke', nb: { ucan: device.ucan.cid }, attach: [device] })
        return call(phone, { subject: alice.did, proofs: [stage.lease, device] })
      },
      met: 'Revoked',
      test: ['revocation.test.ts', 'by the issuer, by an issuer above, and by the audience'],
    },
    UnknownAbility: {
      provoke: () => call(alice, { can: 'jar/constructor' }),
      met: 'UnknownAbility',
      test: ['addressing.test.ts', 'dispatches by the whole name, over nothing that is inherited'],
    },
    InvalidInput: {
      provoke: () => call(alice, { nb: { more: 1 } }),
      met: 'InvalidInput',
      test: ['addressing.test.ts', 'is closed: what is not known is refused, not dropped'],
    },
    NotRevoker: {
      provoke: () => call(mallory, { can: 'ucan/revoke', nb: { ucan: stage.device.ucan.cid }, attach: [stage.device] }),
      met: 'NotRevoker',
      test: ['revocation.test.ts', 'not by a stranger, whatever he shows'],
    },
    NotFound: {
      provoke: () => call(alice, { can: 'access/wait', nb: { request: blockOf(encode('none')).cid } }),
      met: 'NotFound',
      test: ['http.test.ts', 'has one path for messages, and one method'],
    },
    Denied: {
      provoke: () => asking('deny'),
      met: 'Denied',
      test: ['../host/consent.test.ts', 'never: what was denied is not had by asking for more at once'],
    },
    RateLimited: {
      provoke: async () => {
        assert.equal(await asking('ask'), 'ok')
        return asking('ask')
      },
      met: 'RateLimited',
      test: ['../host/consent.test.ts', 'is bounded: of one space, and of all'],
    },
    Cancelled: {
      provoke: async () => answered(await written(url, `${head(100)}begun`)),
      met: 'Cancelled 408',
      test: ['http.test.ts', 'lets go of who begins and does not go on'],
    },
    Internal: {
      provoke: () => call(alice, { can: 'jar/break' }),
      met: 'Internal',
      test: ['addressing.test.ts', 'tells nothing of what went wrong inside'],
    },
    Unavailable: {
      provoke: async () => {
        const world = await World.open({ dir: folder() })
        const { port } = new URL((await world.host.listen()).url as string)
        const message = messageOf([stage.lease.ucan], [stage.lease.ucan])
        const socket = connect(Number(port), '127.0.0.1')
        let answer = ''
        const ended = once(
          socket.on('data', (data) => (answer += data)),
          'close',
        )
        // Half of a message is on its way when the host begins to close, and the rest comes while a call is waited for.
        socket.write(head(message.length))
        socket.write(message.subarray(0, 10))
        const working = world.call(alice, { can: 'jar/work', nb: { milliseconds: 500 }, proofs: [await world.lease(alice)] })
        await new Promise((resolve) => setTimeout(resolve, 200))
        const closed = Promise.all([working, world.close()])
        socket.end(message.subarray(10))
        await Promise.all([ended, closed])
        return answered(answer)
      },
      met: 'Unavailable 503',
      test: ['../host/running.test.ts', 'lets calls under way end, and refuses new ones'],
    },
  }

  for (const [
    code,
    {
      provoke,
      met,
      test: [file, title],
    },
  ] of Object.entries(CASES)) {
    it(`${code}: ${file}, "${title}"`, async () => {
      assert.equal(met.split(' ')[0], code)
      assert.equal(await provoke(), met)
      const path = join(import.meta.dirname, file)
      assert.ok(readFileSync(path, 'utf8').includes(`'${title}'`), `${file} has no test "${title}"`)
    })
  }

  it('of the closed list is met, or it is said why not', () =>
    assert.deepEqual([...Object.keys(CASES), ...Object.keys(UNSAID)].sort(), [...CODES].sort()))
})
