import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { archive, extract, Failure, httpChannel, ucansOf } from '@symbiosis/protocol'
import { unixChannel, unixGet } from '@symbiosis/protocol/unix'
import { openLog, operatorPath, readOperator } from '../../host/index.ts'
import { jarService, watch } from '../attacks/jar.ts'
import { alice, expect, folders, given, hostSigner, messageOf, phone, verdict, World } from '../fixtures.ts'

describe('a running host', () => {
  const folder = folders()

  it("shows pages: how it fares to all, where its operator's key lies on the socket only", async () => {
    const dir = folder()
    const world = await World.open({ dir, name: 'shelf' })
    const { url } = await world.host.listen()
    const { socket } = await world.host.listen({ port: false, socket: join(dir, 'host.sock') })
    const page = async (path: string) => {
      const [far, near] = await Promise.all([fetch(`${url}${path}`), unixGet(socket as string, path)])
      return { far: { status: far.status, text: await far.text() }, near: { status: near.status, text: await near.text() } }
    }
    for (const path of ['/healthz', '/readyz']) {
      const { far, near } = await page(path)
      assert.deepEqual([far.status, JSON.parse(far.text), near.status, JSON.parse(near.text)], [200, { ok: true }, 200, { ok: true }])
    }
    const { far, near } = await page('/')
    assert.deepEqual(JSON.parse(far.text), { did: world.did, name: 'shelf' })
    assert.deepEqual(JSON.parse(near.text), { did: world.did, name: 'shelf', operator: operatorPath(dir) })
    await expect(world.call(alice, { can: `x/${'y'.repeat(30)}` }), 'UnknownAbility')
    const metrics = (await page('/metrics')).far.text
    assert.match(metrics, /symbiosis_calls_total{can="unknown",outcome="UnknownAbility"} 1/)
    assert.match(metrics, /symbiosis_call_seconds_bucket{can="unknown",le="\+Inf"} 1\nsymbiosis_call_seconds_sum{can="unknown"} 0\.\d+\n/)
    assert.match(metrics, /symbiosis_call_seconds_count{can="unknown"} 1/)
    assert.doesNotMatch(metrics, /yyy|did:key/)
    assert.equal((await page('/nothing')).far.status, 404)
    assert.equal((await fetch(`${url}/`, { method: 'HEAD' })).status, 200)
    await world.close()
  })

  it('logs nothing that lets anybody in', async () => {
    const dir = folder()
    let log = ''
    const to = new Writable({
      write(chunk, _, done) {
        log += chunk
        done()
      },
    })
    const world = await World.open({ dir, log: openLog({ level: 'trace', to }), consent: () => ({ allow: true }) })
    const { url } = await world.host.listen()
    const channel = httpChannel(url as string)
    const { ok } = await world.call(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }] } })
    const [leaseBytes] = (ok as { leases: [Uint8Array] }).leases
    const lease = extract(leaseBytes)
    const device = await given(alice, phone, alice.did)
    const { signer, delegation } = readOperator(operatorPath(dir))
    const call = await world.invocation(phone, { subject: alice.did, proofs: [lease, device] })
    await expect(world.send(call, ucansOf([lease, device]), channel), 'ok')
    await expect(world.call(alice, { can: 'jar/break', proofs: [lease] }), 'Internal')
    await expect(world.call(alice, { can: 'access/renew', nb: { lease: lease.ucan.cid }, attach: [lease] }), 'ok')
    await expect(world.call(signer, { can: 'host/leases', subject: world.did, proofs: [delegation] }), 'ok')
    await expect(world.call(alice, { can: 'ucan/revoke', nb: { ucan: device.ucan.cid }, proofs: [lease], attach: [device] }), 'ok')
    await channel.request(new Uint8Array(50)).catch(() => {})
    for (const [name, value] of Object.entries({ lease: leaseBytes, token: 'x'.repeat(200), seed: 'y'.repeat(43) })) {
      world.host.log.info({ [name]: value }, 'a careless service')
      world.host.log.info({ deep: { [name]: value } }, 'a careless service')
    }
    await world.close()
    assert.ok(log.split('\n').length > 10, 'nothing was logged')
    const seed = (path: string) => Buffer.from((JSON.parse(readFileSync(path, 'utf8')) as { seed: string }).seed, 'base64url')
    const secrets = {
      'the seed of the host': seed(join(dir, 'host.key')),
      'the seed of the operator': seed(operatorPath(dir)),
      'the lease': leaseBytes,
      'the block of the lease': lease.ucan.bytes,
      'the signature of the lease': lease.ucan.signature,
      'the delegation': device.ucan.bytes,
      "the operator's delegation": archive(delegation),
      'the call': call.bytes,
      "the call's signature": call.signature,
    }
    for (const [what, bytes] of Object.entries(secrets)) {
      const buffer = Buffer.from(bytes)
      // Any 24 bytes on end, in each alphabet: a base64 of the middle of something begins in any of three places.
      for (let at = 0; at + 24 <= buffer.length; at += 24) {
        const part = buffer.subarray(at, at + 24)
        for (const text of [part.toString('hex'), part.toString('base64'), part.toString('base64url'), [...part].join(',')]) {
          assert.ok(!log.includes(text), `${what} is in the log`)
        }
      }
    }
    assert.ok(!log.includes('y'.repeat(43)))
    assert.equal(hostSigner(dir).did, world.did)
  })

  describe('closing', () => {
    it('lets calls under way end, and refuses new ones', async () => {
      const world = await World.open({ dir: folder() })
      const { url } = await world.host.listen()
      const lease = await world.lease(alice)
      const work = await world.invocation(alice, { can: 'jar/work', nb: { milliseconds: 300 }, proofs: [lease] })
      const answer = verdict(world.send(work, [lease.ucan], httpChannel(url as string)))
      await sleep(50)
      const closing = world.close()
      assert.equal(world.host.ready, false)
      await expect(world.call(alice, { proofs: [lease] }), 'Unavailable', { retryAfter: 5 })
      assert.equal(await answer, 'ok')
      await closing
      await world.close()
    })

    it('ends reads at once, and what takes too long when its patience is over', async () => {
      const seen = watch()
      const world = await World.open({ dir: folder(), services: [jarService(seen)], grace: 0.3 })
      const lease = await world.lease(alice)
      const waiting = verdict(world.call(alice, { can: 'jar/wait', proofs: [lease] }))
      await sleep(20)
      const started = Date.now()
      await world.close()
      assert.equal(await waiting, 'Cancelled')
      assert.ok(Date.now() - started < 1000)
    })

    it('does not wait for an upload that stands still, on any channel', async () => {
      const dir = folder()
      const world = await World.open({ dir, grace: 0.2 })
      const { url } = await world.host.listen()
      const { socket } = await world.host.listen({ port: false, socket: join(dir, 'host.sock') })
      const lease = await world.lease(alice)
      const channels = [world.channel, httpChannel(url as string), unixChannel(socket as string)]
      const uploads = channels.map(async (channel) => {
        const call = await world.invocation(alice, { can: 'jar/fill', nb: {}, proofs: [lease] })
        const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(10)) })
        return channel.open(messageOf([call], [lease.ucan, call]), { body })
      })
      const ended = Promise.allSettled(uploads)
      await sleep(100)
      const started = Date.now()
      await world.close()
      assert.ok(Date.now() - started < 3000, 'closing waited')
      await ended
    }).timeout(10_000)

    it('ends streams that nobody reads', async () => {
      const seen = watch()
      const world = await World.open({ dir: folder(), services: [jarService(seen)], grace: 0.2 })
      const { url } = await world.host.listen()
      const lease = await world.lease(alice)
      const call = await world.invocation(alice, { can: 'jar/pour', nb: { bytes: 1e9 }, proofs: [lease] })
      const { body } = await httpChannel(url as string).open(messageOf([call], [lease.ucan, call]))
      const started = Date.now()
      await world.close()
      assert.ok(Date.now() - started < 3000)
      await assert.rejects(async () => {
        for await (const _ of body as AsyncIterable<Uint8Array>);
      })
      assert.equal(seen.released, 1)
    })

    it('frees its doors', async () => {
      const [dir, other] = [folder(), folder()]
      const world = await World.open({ dir })
      const { url } = await world.host.listen()
      const port = Number(new URL(url as string).port)
      const second = await World.open({ dir: other })
      await assert.rejects(second.host.listen({ port }), (error) => error instanceof Failure && error.name === 'Unavailable')
      const socket = join(dir, 'host.sock')
      await world.host.listen({ port: false, socket })
      await assert.rejects(second.host.listen({ port: false, socket }), (error) => error instanceof Failure && error.name === 'Unavailable')
      await world.close()
      await second.host.listen({ port, socket })
      await second.close()
    })
  })
})
