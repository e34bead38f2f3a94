import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { sodium } from '@symbiosis/host/sodium'
import {
  CAR_TYPE,
  decodeReceipts,
  type Ed25519,
  httpChannel,
  type LocalSigner,
  type Proof,
  readReceipt,
  STREAM_TYPE,
  type Ucan,
  ucansOf,
  useEd25519,
} from '@symbiosis/protocol'
import { alice, folders, given, mallory, messageOf, NOW, numbered, verdict, World } from '../fixtures.ts'
import { Connection, HEAD } from './connection.ts'
import { jarService, watch } from './jar.ts'
import { JUNK } from './junk.ts'

describe('the door under load', () => {
  const seen = watch()
  const folder = folders()
  const open: Connection[] = []
  const worlds: World[] = []
  afterEach(async () => {
    for (const { socket } of open.splice(0)) socket.destroy()
    for (const world of worlds.splice(0)) await world.close()
    useEd25519()
  })

  /** A host whose clock stands still, at a port; `gate` bounds its strangers. */
  const stage = async (gate: object = {}) => {
    const world = await World.open({ dir: folder(), services: [jarService(seen)], gate })
    worlds.push(world)
    const { url } = await world.host.listen({ headersTimeout: 1000, idleTimeout: 2000, messageTimeout: 1000 })
    const lease = await world.lease(alice)
    const look = async (from: LocalSigner = alice, proofs: Proof[] = [lease]) => {
      const call = await world.invocation(from, { proofs })
      return { call, message: messageOf([call], [...ucansOf(proofs), call]) }
    }
    return { world, url: url as string, lease, look }
  }
  type Staged = Awaited<ReturnType<typeof stage>>

  const dial = async (url: string): Promise<Connection> => {
    const connection = await Connection.open(url)
    open.push(connection)
    return connection
  }

  /** A connection over which alice was served. */
  const known = async ({ url, look }: Staged): Promise<Connection> => {
    const connection = await dial(url)
    assert.equal((await connection.post((await look()).message)).status, 200)
    return connection
  }

  const serves = async ({ world, look }: Staged, connection: Connection): Promise<void> => {
    const { call, message } = await look()
    const { status, body } = await connection.post(message)
    assert.equal(status, 200)
    const receipt = decodeReceipts(body).get(String(call.cid))
    assert.ok(receipt)
    assert.ok(readReceipt(receipt, call.cid, world.did).out.ok)
  }

  /** Counts the signatures that this process verifies from here on. */
  const counting = () => {
    const counter = { verified: 0 }
    const { name, keyPair, verify } = sodium()
    const counted: Ed25519 = {
      name,
      keyPair,
      verify(...args) {
        counter.verified++
        return verify(...args)
      },
    }
    useEd25519(counted)
    counter.verified = 0
    return counter
  }

  const junkFor = ({ world }: Staged, kind: keyof typeof JUNK) => JUNK[kind]({ host: world.did, can: 'jar/look', now: NOW })

  describe('rates', () => {
    it('no signature is checked for a connection in debt', async () => {
      const staged = await stage({ connection: { burst: 1, perSecond: 0.001 } })
      const counted = counting()
      const junk = await junkFor(staged, 'unsigned')
      const connection = await dial(staged.url)
      assert.equal((await connection.post(junk)).status, 200, 'every call of it is refused by a receipt')
      const spent = counted.verified
      assert.ok(spent > 0)
      const refused = await connection.post(await junkFor(staged, 'unsigned'))
      const { error } = JSON.parse(refused.body.toString())
      assert.deepEqual([refused.status, error.name, error.field], [429, 'RateLimited', 'connection'])
      assert.ok(error.retryAfter > 0)
      assert.equal(counted.verified, spent)
      // From the second time on it isn't even read.
      void connection.post(await junkFor(staged, 'unsigned')).catch(() => {})
      await sleep(200)
      assert.equal(counted.verified, spent)
    })

    it('a flood over many connections gets its share of signatures, and no more', async () => {
      const staged = await stage({ share: 0.001 })
      const caller = await known(staged)
      const junk = await Promise.all(Array.from({ length: 8 }, () => junkFor(staged, 'signatures')))
      const counted = counting()
      for (const message of junk) void (await dial(staged.url)).post(message).catch(() => {})
      let calls = 0
      for (const until = Date.now() + 1000; Date.now() < until; calls++) await serves(staged, caller)
      // Two for each call: it is verified here, and its receipt is read here. What is left is the flood's.
      assert.ok(counted.verified - 2 * calls < 8 * 8, `${counted.verified} for ${calls} calls`)
    })

    it('an issuer pays for the proofs it brings, and is told when to come back', async () => {
      const staged = await stage({ issuer: { burst: 3, perSecond: 0.01 } })
      const { world } = staged
      const fresh = async (count: number) => {
        const proofs = await Promise.all(Array.from({ length: count }, () => given(numbered(7), mallory, numbered(7).did)))
        const call = await world.invocation(mallory, { subject: numbered(7).did, proofs })
        return { call, message: messageOf([call], [...ucansOf(proofs), call]) }
      }
      // The first that holds is enough, so the calls bring one each.
      const refusals: (string | undefined)[] = []
      let retryAfter: unknown
      let field: unknown
      for (let index = 0; index < 5; index++) {
        const { call, message } = await fresh(1)
        const { body } = await (await dial(staged.url)).post(message)
        const { error } = readReceipt(decodeReceipts(body).get(String(call.cid)) as never, call.cid, world.did).out
        refusals.push(error?.name)
        if (error?.name === 'RateLimited') ({ retryAfter, field } = error as never)
      }
      // What came back meanwhile may serve one more.
      assert.deepEqual([...refusals.slice(0, 3), refusals.at(-1)], ['NoLease', 'NoLease', 'NoLease', 'RateLimited'])
      assert.equal(field, 'issuer')
      assert.ok((retryAfter as number) > 0 && (retryAfter as number) <= 100)
    })

    it('an issuer pays for what it asks to be checked for a revocation, too', async () => {
      const staged = await stage({ issuer: { burst: 2, perSecond: 0.01 } })
      const { world } = staged
      const revoke = async () => {
        let chain: Proof | undefined
        for (let link = 0; link < 5; link++)
          chain = await given(numbered(50 + link), numbered(51 + link), numbered(50).did, chain && { proofs: [chain] })
        const target = chain as Proof
        const call = await world.invocation(mallory, { can: 'ucan/revoke', nb: { ucan: target.ucan.cid } })
        const { body } = await (await dial(staged.url)).post(messageOf([call], [...ucansOf([target]), call]))
        return readReceipt(decodeReceipts(body).get(String(call.cid)) as never, call.cid, world.did).out.error?.name
      }
      assert.equal(await revoke(), 'RateLimited')
    })

    it('nobody is used up by others who name them', async () => {
      const staged = await stage({ issuer: { burst: 3, perSecond: 0.001 } })
      const posing = { did: alice.did, sign: mallory.sign } as LocalSigner
      for (let index = 0; index < 10; index++) {
        const proofs = await Promise.all([0, 1, 2].map(() => given(mallory, alice, mallory.did)))
        const { message } = await staged.look(posing, proofs)
        await (await dial(staged.url)).post(message)
      }
      await serves(staged, await dial(staged.url))
    })
  })

  describe('callers are served while there are connections, and they are let go of,', () => {
    const dribble = (connection: Connection, bytes: string) => {
      const timer = setInterval(() => connection.write(bytes), 100)
      connection.socket.once('close', () => clearInterval(timer))
    }

    /** What a connection does that never comes to an end. */
    const SLOW: { [name: string]: (connection: Connection) => void } = {
      'that say nothing': () => {},
      'that send a head without an end': (connection) => connection.write(HEAD),
      'that send a head byte by byte': (connection) => {
        connection.write(`${HEAD}x: `)
        dribble(connection, 'x')
      },
      'that withhold a body': (connection) => connection.write(`${HEAD}content-length: 5000\r\n\r\n`),
      'that send a body byte by byte': (connection) => {
        connection.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`)
        dribble(connection, '1\r\nx\r\n')
      },
      'that withhold a stream': (connection) => connection.write(`${HEAD.replace(CAR_TYPE, STREAM_TYPE)}content-length: 5000\r\n\r\n`),
      'that keep silent after an answer': (connection) => connection.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'),
    }

    for (const [name, act] of Object.entries(SLOW)) {
      it(name, async () => {
        const staged = await stage()
        const caller = await known(staged)
        const slow = await Promise.all(Array.from({ length: 40 }, () => dial(staged.url)))
        for (const connection of slow) act(connection)
        for (let call = 0; call < 10; call++) await serves(staged, caller)
        await serves(staged, await dial(staged.url))
        for (let waited = 0; waited < 100 && !slow.every(({ closed }) => closed); waited++) {
          await sleep(100)
          await serves(staged, caller)
        }
        assert.ok(slow.every(({ closed }) => closed))
      }).timeout(20_000)
    }

    it('beyond the bound on strangers make room for who comes next', async () => {
      const staged = await stage({ maxStrangers: 10 })
      const caller = await known(staged)
      const slow = await Promise.all(Array.from({ length: 40 }, () => dial(staged.url)))
      for (const connection of slow) connection.write(`${HEAD}content-length: 5000\r\n\r\n`)
      await sleep(200)
      assert.equal(slow.filter(({ closed }) => closed).length, 30)
      assert.equal(staged.world.host.gate.strangers, 10)
      await serves(staged, caller)
      await serves(staged, await dial(staged.url))
    })

    it('that never read a long answer hold up what gives it, and are let go of', async () => {
      const staged = await stage()
      const caller = await known(staged)
      const before = seen.poured
      const call = await staged.world.invocation(alice, { can: 'jar/pour', nb: { bytes: 1 << 30 }, proofs: [staged.lease] })
      const message = messageOf([call], [staged.lease.ucan, call])
      const idle = await dial(staged.url)
      idle.socket.pause()
      idle.write(Buffer.concat([Buffer.from(`${HEAD}content-length: ${message.length}\r\n\r\n`), message]))
      for (let waited = 0; waited < 120 && seen.released === 0; waited++) {
        await sleep(100)
        await serves(staged, caller)
      }
      assert.ok(seen.poured - before < 64 * 1024 * 1024, `${seen.poured - before} bytes`)
      assert.equal(seen.released, seen.runs.pour)
    }).timeout(20_000)
  })

  describe('strangers', () => {
    it('who send several requests at a time are cut off', async () => {
      const staged = await stage()
      const connection = await dial(staged.url)
      connection.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(3))
      await sleep(300)
      assert.equal(connection.closed, true)
      // One without a Host header is no way around it.
      const other = await dial(staged.url)
      for (let index = 0; index < 3; index++) {
        const answer = other.answer()
        other.write('GET / HTTP/1.1\r\n\r\n')
        assert.equal((await answer).status, 400)
      }
      other.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(3))
      await sleep(300)
      assert.equal(other.closed, true)
    })

    it('are answered in turns, also where there is nothing to do', async () => {
      const staged = await stage({ share: 0.001 })
      const caller = await known(staged)
      await serves(staged, caller)
      const ask = async (request: string) => {
        const connection = await dial(staged.url)
        let answered = false
        connection.socket.once('data', () => (answered = true))
        connection.write(request)
        return () => answered
      }
      const requests = [
        'OPTIONS / HTTP/1.1\r\nhost: x\r\n\r\n',
        'PUT / HTTP/1.1\r\nhost: x\r\n\r\n',
        'POST /other HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n',
        'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n',
        'GET / HTTP/1.1\r\n\r\n',
        'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n',
      ]
      const answers = await Promise.all([...requests, ...requests, ...requests].map(ask))
      // Each takes 0.2 ms at the least, so that a thousandth of the time has room for five a second.
      for (let index = 0; index < 5; index++) {
        await sleep(20)
        await serves(staged, caller)
      }
      assert.ok(answers.filter((answered) => answered()).length <= 2)
    })

    it('wait for another turn where many receipts have to be signed', async () => {
      const staged = await stage({ share: 0.0001, slice: 50 })
      const caller = await known(staged)
      for (const [calls, signedAtOnce] of [
        [4, true],
        [5, false],
      ] as const) {
        const connection = await dial(staged.url)
        // Each is refused before anything is checked of it that costs more.
        const expired = await Promise.all(Array.from({ length: calls }, () => staged.world.invocation(mallory, { expiration: 1 })))
        await sleep(1100)
        await serves(staged, caller)
        let answered = false
        connection.socket.once('data', () => (answered = true))
        void connection.post(messageOf(expired, expired)).catch(() => {})
        await sleep(400)
        assert.equal(answered, signedAtOnce, `${calls} receipts`)
      }
    })

    it('can not make a host keep more than they send: chunks of a byte are packed', async () => {
      const staged = await stage({ maxLarge: 0, smallBytes: 1 << 30 })
      const small = '1\r\nx\r\n'.repeat(60_000)
      const heap = () => process.memoryUsage().heapUsed
      const before = heap()
      for (const type of [CAR_TYPE, STREAM_TYPE]) {
        for (let index = 0; index < 4; index++)
          (await dial(staged.url)).write(
            `${HEAD.replace(CAR_TYPE, type)}transfer-encoding: chunked\r\n\r\n${type === STREAM_TYPE ? '3\r\n\xff\xff\x3f\r\n' : ''}${small}`,
          )
      }
      await sleep(600)
      assert.ok(heap() - before < 60 * 1024 * 1024, `${heap() - before} bytes for 480,000 that were sent`)
    })

    it('who bring a lease that was checked before go ahead of all who bring none', async () => {
      const staged = await stage({ share: 0.001 })
      const caller = await known(staged)
      await serves(staged, caller)
      for (let index = 0; index < 30; index++) (await dial(staged.url)).write('OPTIONS / HTTP/1.1\r\nhost: x\r\n\r\n')
      await sleep(20)
      const newcomer = await dial(staged.url)
      let served = false
      const others = (async () => {
        for (; !served; await sleep(50)) await serves(staged, caller)
      })()
      const started = performance.now()
      await serves(staged, newcomer)
      served = true
      await others
      // Thirty others would take six seconds, and nobody rests for more than one.
      assert.ok(performance.now() - started < 4000)
    }).timeout(20_000)

    it('do not pass for known because they were sent what somebody else is allowed', async () => {
      const staged = await stage({ maxStrangers: 5 })
      const peek = await staged.world.invocation(mallory, { can: 'jar/peek' })
      const connection = await dial(staged.url)
      assert.equal((await connection.post(messageOf([peek], [peek, staged.lease.ucan]))).status, 200)
      assert.equal(staged.world.host.gate.strangers, 1)
    })
  })

  it('serves callers while everything is thrown at it, and who comes with a lease', async () => {
    const staged = await stage()
    const caller = await known(staged)
    const junk: Uint8Array[] = []
    for (const kind of ['signatures', 'diamonds', 'blocks', 'unsigned'] as const) junk.push(await junkFor(staged, kind))
    const attackers = await Promise.all(Array.from({ length: 60 }, () => dial(staged.url)))
    for (const [index, attacker] of attackers.entries()) {
      void attacker.post(junk[index % junk.length] as Uint8Array).catch(() => {})
    }
    for (let call = 0; call < 50; call++) await serves(staged, caller)
    await serves(staged, await dial(staged.url))
    assert.equal(await verdict(staged.world.send((await staged.look()).call as Ucan, [staged.lease.ucan], httpChannel(staged.url))), 'ok')
  }).timeout(30_000)
})
