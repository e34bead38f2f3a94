import assert from 'node:assert/strict'
import { parseOrigins } from '../../../host/engine/origins.ts'
import { isPublicIp } from '../../../host/public-ip.ts'
import { failure } from './fixtures.ts'

const PEER = '/p2p/12D3KooWAFe5duQRnKcQeHK2cJeqZq1eXDbuqrv8hvhKYFM2dpmt'

const PUBLIC = ['/ip4/1.1.1.1/tcp/4001', '/ip4/8.8.8.8/tcp/443/ws', '/ip6/2606:4700::1111/tcp/4001', '/ip6/2a00:1450:4001::1/tcp/80/ws']

/** Addresses of the right shape that lead nowhere public. */
const PRIVATE = [
  '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.254', '127.0.0.1', '127.8.8.8', '169.254.169.254',
  '172.16.0.1', '172.31.255.255', '192.0.0.8', '192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.19.255.255', '198.51.100.7',
  '203.0.113.9', '224.0.0.251', '239.255.255.250', '240.0.0.1', '255.255.255.255',
  '::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::7f00:1', '64:ff9b::7f00:1', '64:ff9b:1::1', '100::1', 'fc00::1', 'fd12:3456::1', 'fe80::1',
  'fec0::1', 'ff02::fb', 'ff0e::1', '2001::1', '2001:2::1', '2001:db8::1', '2002:7f00:1::1', '3fff::1',
] // biome-ignore format: a table

const NEVER = [
  '/dns4/example.com/tcp/4001', '/dns6/example.com/tcp/4001', '/dns/example.com/tcp/443/ws', '/dnsaddr/bootstrap.libp2p.io', '/ip4/1.1.1.1/udp/4001/quic-v1',
  '/ip4/1.1.1.1/tcp/443/tls/ws', '/ip4/1.1.1.1/tcp/443/wss', '/ip4/1.1.1.1', '/ip6zone/eth0/ip6/fe80::1/tcp/4001', '/unix/tmp/socket',
  `/ip4/1.1.1.1/tcp/4001${PEER}/p2p-circuit`, '/ip4/1.1.1.1/tcp/4001/http', '/ip4/999.1.1.1/tcp/1', '/ip4/127.1/tcp/1', 'not an address', '', 'http://1.1.1.1/',
] // biome-ignore format: a table

const address = (ip: string): string => `/ip${ip.includes(':') ? 6 : 4}/${ip}/tcp/4001${PEER}`

describe('origins', () => {
  for (const text of PUBLIC) {
    it(`takes ${text}`, () => assert.equal(String(parseOrigins([text + PEER], false)[0]), text + PEER))
  }
  for (const ip of PRIVATE) {
    it(`refuses ${ip} unless private ones are allowed`, () => {
      assert.equal(isPublicIp(ip), false)
      assert.throws(() => parseOrigins([address(ip)], false), failure('InvalidInput', { field: 'origins' }))
      assert.equal(parseOrigins([address(ip)], true).length, 1)
    })
  }
  for (const text of NEVER) {
    it(`refuses ${text || 'nothing'} always`, () => {
      for (const allow of [false, true])
        assert.throws(() => parseOrigins([text + PEER], allow), failure('InvalidInput', { field: 'origins' }))
    })
  }
  it('refuses an address without a peer', () => {
    assert.throws(() => parseOrigins(['/ip4/1.1.1.1/tcp/4001'], true), failure('InvalidInput', { field: 'origins' }))
  })
  it('refuses one bad among good ones, and too many', () => {
    assert.throws(() => parseOrigins([PUBLIC[0] + PEER, address('127.0.0.1')], false), failure('InvalidInput'))
    assert.throws(() => parseOrigins(Array(17).fill(PUBLIC[0] + PEER), false), failure('InvalidInput'))
  })
})
