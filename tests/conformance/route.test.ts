import { generateKeyPair } from '@libp2p/crypto/keys'
import open from '@symbiosis/capabilities/route/host'
import { runServiceTests } from '@symbiosis/conformance'
import { helia } from '@symbiosis/host/helia'
import { createIPNSRecord, marshalIPNSRecord } from 'ipns'
import { base36 } from 'multiformats/bases/base36'
import { parseKey } from '../../capabilities/route/keys.ts'
import { addressOf, Network, PROTOCOL, provideBy, until } from '../capabilities/network.ts'
import { leaf } from '../host/engine/fixtures.ts'
import { mocha } from './mocha.ts'

const [mine, other, found] = [leaf(), leaf(), leaf()]

/** A name, and records of it, each newer than the one before. */
const named = async () => {
  const signer = await generateKeyPair('Ed25519')
  const record = async (sequence: number) => marshalIPNSRecord(await createIPNSRecord(signer, mine.cid, sequence, 3_600_000))
  return { key: `/ipns/${signer.publicKey.toCID().toString(base36)}`, records: [await record(1), await record(2)] as const }
}
const [known, published] = [await named(), await named()]

describe('route in a network', function () {
  this.timeout(60_000)
  let network: Network
  const peer = () => String(network.nodes[1]?.peerId)

  before(async () => {
    network = await Network.open(4)
    const [first] = network.nodes as [Network['nodes'][number]]
    await provideBy(first, found.cid)
    for await (const _ of first.services.dht.put(parseKey(known.key).bytes, known.records[0]));
  })
  after(() => network.close())

  runServiceTests(mocha, 'route', {
    open,
    async engine(dir) {
      const bootstrap = [addressOf(network.nodes[0] as Network['nodes'][number])]
      const dht = { mode: 'client', protocol: PROTOCOL, bootstrap, rejoinMs: 200 } as const
      const engine = await helia({ dir, listen: [], allowPrivateOrigins: true, dht })
      await until(() => engine.routing?.findPeer(peer(), { signal: AbortSignal.timeout(5000) }).then(Boolean, () => false) ?? false)
      return engine
    },
    stored: [mine, other],
    held: [mine.cid, other.cid],
    samples: [
      { ability: 'provide', nb: { cid: mine.cid }, uses: { provides: 1 }, varies: ['until', 'announced', 'told', 'message'] },
      { ability: 'provide', nb: { cid: other.cid }, uses: { provides: 1 }, varies: ['until', 'announced', 'told', 'message'] },
      { ability: 'provide', nb: { cid: found.cid }, error: 'NotHeld' },
      { ability: 'withdraw', nb: { cid: other.cid }, uses: { provides: -1 } },
      { ability: 'putRecord', nb: { key: published.key, value: published.records[1] }, uses: { records: 1 }, varies: ['told'] },
      { ability: 'putRecord', nb: { key: published.key, value: published.records[0] }, error: 'Outdated' },
      { ability: 'putRecord', nb: { key: published.key, value: new Uint8Array(9) }, error: 'InvalidRecord' },
      { ability: 'getRecord', nb: { key: known.key } },
      { ability: 'findProviders', nb: { cid: found.cid, limit: 1 }, varies: ['peers'] },
      {
        ability: 'findPeer',
        get nb() {
          return { peer: peer() }
        },
        varies: ['addresses'],
      },
      { ability: 'list', varies: ['provided'] },
    ],
  })
})
