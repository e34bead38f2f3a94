import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  admit,
  archive,
  BOUNDS,
  type Call,
  cidOf,
  type Door,
  decode,
  delegate,
  encode,
  encodeReceipts,
  issueReceipt,
  signerFromSeed,
  UcanMemory,
} from '@symbiosis/protocol'
import { memoryWallet, parseAddress, Symbiont } from '@symbiosis/symbiont'
import { connectNode } from '@symbiosis/symbiont/node'
import { refused, shelf, World } from './world.ts'

describe('pairing', () => {
  it('proves who answers, over HTTP and over a Unix socket', async () => {
    await using world = new World()
    const attic = await world.host('attic')
    const socket = join(world.folder(), 'host.sock')
    const listener = await attic.listen({ port: 0, socket })
    await using ada = await Symbiont.open({ wallet: memoryWallet(), connect: connectNode, now: world.now })
    for (const url of [listener.url as string, `unix:${socket}`, `unix://${socket}`, `${listener.url}/#${attic.did}`]) {
      const paired = await ada.pair(url)
      assert.deepEqual([paired.did, paired.name], [attic.did, 'attic'])
      assert.deepEqual(
        paired.services.map(({ id }) => id),
        ['shelf'],
      )
    }
    await ada.createSpace()
    await ada.request({ shelf: {} })
    assert.deepEqual(await ada.use(shelf).put({ name: 'lamp' }), { things: 1 })
    const { body } = await ada.use(shelf).pour({ bytes: 100_000 })
    assert.equal((await new Response(body).arrayBuffer()).byteLength, 100_000)
    await listener.close()
    assert.equal((await refused(ada.use(shelf).list())).name, 'Unavailable')
  })

  it('refuses another identity than the address names', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.symbiont()
    const refusal = await refused(ada.pair(`http://attic.test#${ada.agent}`))
    assert.equal(refusal.name, 'WrongAudience')
    assert.deepEqual(ada.hosts(), [])
  })

  it('refuses what is no host, or not there', async () => {
    await using world = new World()
    const bodies: { [path: string]: string } = {
      '/html': '<p>hello</p>',
      '/json': '{"a":1}',
      '/null': 'null',
      '/long': 'x'.repeat(200_000),
      '/did': '{"did":"did:key:z6Mkx"}',
    }
    const server = createServer((request, response) => response.end(bodies[request.url ?? ''] ?? ''))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await using ada = await Symbiont.open({ wallet: memoryWallet(), connect: connectNode })
    try {
      for (const path of ['/', ...Object.keys(bodies)]) assert.equal((await refused(ada.pair(url + path))).name, 'Unsupported', path)
    } finally {
      server.closeAllConnections()
      server.close()
    }
    const away = await refused(ada.pair(url))
    assert.equal(away.name, 'Unavailable')
    assert.equal((await refused(ada.pair(`unix:${world.folder()}/none.sock`))).name, 'Unavailable')
    await using web = await Symbiont.open({ wallet: memoryWallet() })
    assert.equal((await refused(web.pair('unix:/run/host.sock'))).name, 'Unsupported')
  })

  it('reads addresses as people type them', async () => {
    const { did } = signerFromSeed(new Uint8Array(32))
    assert.deepEqual(parseAddress(' http://10.0.0.7:4747 '), { url: 'http://10.0.0.7:4747/' })
    assert.deepEqual(parseAddress(`HTTPS://Attic.example/home/#${did}`), { url: 'https://attic.example/home/', did })
    assert.deepEqual(parseAddress(`unix:/a b.sock#${did}`), { url: 'unix:/a b.sock', did })
    for (const text of [
      '',
      '127.0.0.1:4747',
      'attic:4747',
      'attic',
      '/run/a.sock',
      'http://',
      'http://u:p@attic/',
      'http://attic/?a=1',
      'http://attic/#nobody',
    ]) {
      assert.equal((await refused(() => parseAddress(text))).name, 'InvalidInput', text)
    }
  })

  it('gives an address to the host that answers there now', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const cellar = await world.host('cellar', { url: 'http://attic.test/' })
    const refusal = await refused(ada.use(shelf).list())
    assert.equal(refusal.name, 'WrongAudience')
    const { did } = await ada.pair('http://attic.test/')
    assert.equal(did, cellar.did)
    assert.deepEqual(
      ada.hosts().map(({ urls }) => urls),
      [[], ['http://attic.test/']],
    )
  })
})

describe('a host that lies', () => {
  const liar = signerFromSeed(new Uint8Array(32).fill(66))
  const other = signerFromSeed(new Uint8Array(32).fill(67))
  const hello = { ok: { name: 'attic', services: [] } }

  /** A door that answers every call in one way. */
  const door =
    (answer: (ran: ReturnType<typeof admit>['invocations'][0]['cid']) => Parameters<typeof encodeReceipts>[0]): Door =>
    async ({ message }: Call) => {
      const [invocation] = admit(message, BOUNDS, new UcanMemory()).invocations as [never]
      return { message: encodeReceipts(answer((invocation as { cid: never }).cid)) }
    }

  /** A receipt with something done to it, not signed again. */
  const bent = (ran: never, change: (receipt: { ocm: { [field: string]: unknown }; sig: Uint8Array }) => object) => {
    const bytes = encode(change(decode(issueReceipt(liar, ran, hello).bytes) as never) as never)
    return { cid: cidOf(bytes), bytes }
  }

  const lies: { [lie: string]: [Door, RegExp] } = {
    'by another issuer': [door((ran) => [{ ran, block: issueReceipt(other, ran, hello) }]), /WrongAudience/],
    'for another invocation': [door((ran) => [{ ran, block: issueReceipt(liar, cidOf(new Uint8Array(1)), hello) }]), /WrongAudience/],
    'filed under another invocation': [
      door((ran) => [{ ran: cidOf(new Uint8Array(1)), block: issueReceipt(liar, ran, hello) }]),
      /Malformed/,
    ],
    'with a broken signature': [
      door((ran) => [
        { ran, block: bent(ran as never, ({ ocm, sig }) => ({ ocm, sig: sig.map((byte, at) => (at === 30 ? byte ^ 1 : byte)) })) },
      ]),
      /BadSignature/,
    ],
    'with a signature for another answer': [
      door((ran) => [
        { ran, block: bent(ran as never, ({ ocm, sig }) => ({ ocm: { ...ocm, out: { ok: { name: 'cellar', services: [] } } }, sig })) },
      ]),
      /BadSignature/,
    ],
    unsigned: [door((ran) => [{ ran, block: bent(ran as never, ({ ocm }) => ({ ocm })) }]), /Malformed/],
    'with an empty signature': [
      door((ran) => [{ ran, block: bent(ran as never, ({ ocm }) => ({ ocm, sig: new Uint8Array(0) })) }]),
      /Malformed/,
    ],
    'with no receipt': [door(() => []), /Malformed/],
    'with bytes': [async () => ({ message: new Uint8Array(100) }), /Malformed/],
    'with nothing': [async () => ({ message: new Uint8Array(0) }), /Malformed/],
    'with an answer that is none': [door((ran) => [{ ran, block: issueReceipt(liar, ran, {} as never) }]), /Malformed/],
  }

  for (const [lie, [answer, code]] of Object.entries(lies)) {
    it(`${lie} is not believed`, async () => {
      await using world = new World()
      world.place('http://attic.test/', { door: answer, did: liar.did, name: 'attic' })
      const ada = await world.symbiont()
      assert.match((await refused(ada.pair('http://attic.test'))).name, code)
      assert.deepEqual(ada.hosts(), [])
    })
  }

  it('about what others leased is not believed', async () => {
    await using world = new World()
    await world.host('cellar')
    const ada = await world.owner('cellar')
    const [foreign] = ada.leases()
    const lease = await delegate(liar, {
      audience: ada.space,
      capabilities: [{ can: 'lease/shelf/*', with: liar.did }],
      expiration: world.time + 3600,
    })
    world.place('http://attic.test/', {
      did: liar.did,
      name: 'attic',
      door: async ({ message }) => {
        const [{ cid: ran, capabilities }] = admit(message, BOUNDS, new UcanMemory()).invocations as never as [
          { cid: never; capabilities: { can: string }[] },
        ]
        const granted = { ok: { state: 'granted', request: ran, leases: [archive(lease)] } }
        const gone = { error: { name: 'Revoked', message: 'gone', link: foreign?.cid } }
        const out = { 'access/hello': hello, 'access/request': granted }[capabilities[0]?.can ?? ''] ?? gone
        return { message: encodeReceipts([{ ran, block: issueReceipt(liar, ran, out) }]) }
      },
    })
    await ada.pair('http://attic.test')
    await ada.request({ shelf: {} }, { host: liar.did })
    assert.equal((await refused(ada.use(shelf).list({}, { host: liar.did }))).name, 'Revoked')
    assert.equal(ada.leases().find(({ cid }) => cid === foreign?.cid)?.state, 'valid')
  })

  it('about leases is not believed', async () => {
    await using world = new World()
    const ada = await world.symbiont()
    const { did: space } = await ada.createSpace()
    const lease = (signer: typeof liar, audience: string, can: string, about: string, expiration: number | null) =>
      delegate(signer, { audience: audience as never, capabilities: [{ can, with: about }], expiration })
    const later = world.time + 3600
    const leases = {
      'another host': [await lease(other, space, 'lease/shelf/*', other.did, later), 'NoLease'],
      'signed by another': [await lease(other, space, 'lease/shelf/*', liar.did, later), 'NoLease'],
      'another space': [await lease(liar, ada.agent, 'lease/shelf/*', liar.did, later), 'WrongAudience'],
      'all of the host': [await lease(liar, space, '*', liar.did, later), 'Malformed'],
      'no lease': [await lease(liar, space, 'shelf/*', liar.did, later), 'Malformed'],
      'every lease': [await lease(liar, space, 'lease/*', liar.did, later), 'Malformed'],
      'without end': [await lease(liar, space, 'lease/shelf/*', liar.did, null), 'NoLease'],
      'ended before': [await lease(liar, space, 'lease/shelf/*', liar.did, world.time - 100), 'Expired'],
    } as const
    let granted: Uint8Array[] = []
    world.place('http://attic.test/', {
      did: liar.did,
      name: 'attic',
      door: async ({ message }) => {
        const [{ cid: ran, capabilities }] = admit(message, BOUNDS, new UcanMemory()).invocations as never as [
          { cid: never; capabilities: { can: string }[] },
        ]
        const out = capabilities[0]?.can === 'access/hello' ? hello : { ok: { state: 'granted', request: ran, leases: granted } }
        return { message: encodeReceipts([{ ran, block: issueReceipt(liar, ran, out) }]) }
      },
    })
    await ada.pair('http://attic.test')
    for (const [what, [proof, code]] of Object.entries(leases)) {
      granted = [archive(proof)]
      assert.equal((await refused(ada.request({ shelf: {} }))).name, code, what)
    }
    granted = [new Uint8Array(10)]
    assert.equal((await refused(ada.request({ shelf: {} }))).name, 'Malformed')
    granted = []
    assert.equal((await refused(ada.request({ shelf: {} }))).name, 'Malformed')
    assert.deepEqual(ada.leases(), [])
  })
})
