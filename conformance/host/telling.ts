import { type Caller, canOf, invoke, unwrap } from '@symbiosis/protocol'
import { manifest, verifyLoggedManifest, verifyManifest } from '@symbiosis/protocol/manifest'
import { log } from '@symbiosis/protocol/revocation'
import { must, mustEqual, type Rule } from './breach.ts'

const area = 'manifest'

/** What the host signs of what it leases. */
export const telling: readonly Rule[] = [
  {
    area,
    name: 'signs a manifest of what it says that it leases',
    async check(peer) {
      const { services } = await peer.manifest()
      for (const { id, abilities } of peer.services) {
        const told = Object.keys(services.get(id)?.abilities ?? {}).sort()
        mustEqual(told, abilities.map((name) => canOf(id, name)).sort(), `Its manifest tells otherwise of ${id} than access/hello`)
      }
    },
  },
  {
    area,
    name: 'shows that its log has its manifest, where everybody else finds it',
    async check(peer) {
      const { stranger: signer, did: host, channel, now } = peer
      const caller: Caller = { signer, host, subject: signer.did, proofs: [], channel, now: () => now }
      const shown = unwrap((await invoke(caller, manifest, 'get', {})).result)
      verifyLoggedManifest(verifyManifest(shown.manifest, { host, now }), shown.log)
      const { index = 0, entry } = shown.log ?? {}
      const { entries } = unwrap((await invoke(caller, log, 'entries', { from: index, limit: 1 })).result)
      mustEqual(entries[0]?.leaf, entry, 'Who reads its log finds another entry at that place')
    },
  },
  {
    area,
    name: 'shows the same manifest to who only knows its address',
    async check(peer) {
      const response = await fetch(new URL('/.well-known/symbiosis', peer.url), { headers: { accept: 'application/vnd.ipld.car' } })
      must(response.ok, `/.well-known/symbiosis answers ${response.status}`)
      const shown = verifyManifest(new Uint8Array(await response.arrayBuffer()), { host: peer.did, now: peer.now })
      const { seq } = await peer.manifest()
      must(shown.seq <= seq, 'It is newer than what manifest/get answers after it')
      must(response.headers.get('access-control-allow-origin') === '*', 'A page of another site may not read it')
    },
  },
]
