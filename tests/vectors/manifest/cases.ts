import { type Block, decode, encodeCar, issueUcan, type JsonSchema, type Ucan, type Value } from '@symbiosis/protocol'
import { describeService, encodeManifest, MANIFEST_BOUNDS, PUBLISH, type SignedManifest } from '@symbiosis/protocol/manifest'
import { alice, bob, NOW } from '../../fixtures.ts'
import { bell, blockOf, car, signed, signedBy } from '../../protocol/manifest/making.ts'
import { toBase64, toDagJson } from '../json.ts'
import type { Bounds, ManifestFile, ManifestVector } from './format.ts'

interface Case {
  manifest: Uint8Array | SignedManifest
  host?: string
  now?: number
  seen?: { seq: number; root: string }
  have?: readonly Block[]
  bounds?: Bounds
  /** A code, or the manifest that is read. */
  expect: string | SignedManifest
}

/** Every case by its name and what it is about. */
const cases = async (): Promise<[name: string, description: string, each: Case][]> => {
  const honest = await signed()
  const next = await signed({ number: { seq: 2, prev: honest.root.cid }, content: { services: [describeService(bell)] } })
  const twin = await signed({ content: { endpoints: [] } })
  const [bellBlock, rackBlock] = honest.services as [Block, Block]
  const seen = ({ root }: SignedManifest, seq: number) => ({ seq, root: String(root.cid) })
  const sign = (over: object = {}, claims: object = {}, signer = alice) => {
    const capability = { can: PUBLISH, with: alice.did, nb: { root: honest.root.cid, seq: 1 }, ...over }
    return issueUcan(signer, { audience: alice.did, capabilities: [capability], expiration: NOW + 60, ...claims })
  }
  const under = (ucan: Pick<Ucan, 'cid' | 'bytes'>) => car(ucan as Ucan, [honest.root, ...honest.services])
  const of = (...blocks: readonly Block[]) => car(honest.signature, blocks)
  const bent = () => {
    const { s, ...claims } = decode(honest.signature.bytes) as { s: Uint8Array; [field: string]: Value }
    return blockOf({ ...claims, s: s.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) })
  }
  const plain = JSON.parse(JSON.stringify(describeService(bell)))
  const ring = plain.abilities['bell/ring']
  const withField = (field: object) => {
    const nb: JsonSchema = { type: 'object', properties: { a: field as JsonSchema }, required: [], additionalProperties: false }
    return signedBy({}, [{ ...plain, abilities: { 'bell/ring': { ...ring, nb } } }])
  }
  return [
    ['whole', 'Two services.', { manifest: honest, expect: honest }],
    ['the next one', 'It names the one before, and one service is as it was.', { manifest: next, seen: seen(honest, 1), expect: next }],
    [
      'the one that was seen',
      'It may come again, signed anew.',
      { manifest: await signed({ expiration: NOW + 90 }), seen: seen(honest, 1), expect: await signed({ expiration: NOW + 90 }) },
    ],
    ['without what is at hand', 'The reader has a service.', { manifest: of(honest.root, rackBlock), have: [bellBlock], expect: honest }],
    ['60 seconds after its end', 'Clocks may differ by so much.', { manifest: honest, now: NOW + 3660, expect: honest }],
    [
      '61 seconds after its end',
      'Who keeps newer ones away is believed no longer.',
      { manifest: honest, now: NOW + 3661, expect: 'Expired' },
    ],
    [
      'signed for 31 days',
      'Nobody is to be believed for so long.',
      { manifest: await signed({ expiration: NOW + 31 * 86_400 }), expect: 'TooLong' },
    ],
    ['signed without end', 'The same.', { manifest: under(await sign({}, { expiration: null })), expect: 'TooLong' }],
    [
      'signed for a time to come',
      'It begins in 61 seconds.',
      { manifest: under(await sign({}, { notBefore: NOW + 61 })), expect: 'TooEarly' },
    ],
    ['of another host', 'It is good, and not of whom it is expected from.', { manifest: honest, host: bob.did, expect: 'WrongAudience' }],
    [
      'signed by another',
      'For the host, by a key that is not its own.',
      { manifest: under(await sign({}, {}, bob)), expect: 'WrongAudience' },
    ],
    [
      'with a root of another host',
      'The host signed what names another.',
      { manifest: await signed({ content: { host: bob.did } }), expect: 'WrongAudience' },
    ],
    ['with a bent signature', 'One bit of it.', { manifest: under(bent()), expect: 'BadSignature' }],
    [
      'signed for something else',
      'The host signed manifest/*.',
      { manifest: under(await sign({ can: 'manifest/*' })), expect: 'Malformed' },
    ],
    [
      'with a signature that says more',
      'A third field.',
      { manifest: under(await sign({ nb: { root: honest.root.cid, seq: 1, more: 1 } })), expect: 'Malformed' },
    ],
    [
      'with another number than its signature',
      'The root says 1, the signature 9.',
      { manifest: await signed({ seq: 9 }), expect: 'BadSignature' },
    ],
    ['older than one that was seen', 'Number 2 was seen.', { manifest: honest, seen: seen(next, 2), expect: 'Replayed' }],
    [
      'with the number of another',
      'Another root was seen under number 1.',
      { manifest: honest, seen: seen(twin, 1), expect: 'BadSignature' },
    ],
    ['of version 2', 'Nothing else of it is read.', { manifest: await signedBy({ v: 2, more: 1 }), expect: 'Unsupported' }],
    ['with a field more in its root', 'Version 1 has no such field.', { manifest: await signedBy({ more: 1 }), expect: 'Malformed' }],
    ['with the number 0', 'The first is 1.', { manifest: await signedBy({ seq: 0 }), expect: 'Malformed' }],
    ['without its root', 'Another root stands there.', { manifest: of(twin.root, ...honest.services), expect: 'Malformed' }],
    ['of its signature alone', 'There is no root at all.', { manifest: of(), expect: 'Malformed' }],
    ['without a service', 'One of two is missing.', { manifest: of(honest.root, bellBlock), expect: 'Malformed' }],
    [
      'with services the wrong way round',
      'They stand in the order of their ids.',
      { manifest: of(honest.root, rackBlock, bellBlock), expect: 'NotCanonical' },
    ],
    [
      'with a service twice',
      'Each stands there once.',
      { manifest: of(honest.root, bellBlock, rackBlock, rackBlock), expect: 'NotCanonical' },
    ],
    [
      'with a block for nothing',
      'Nothing names it.',
      { manifest: of(honest.root, bellBlock, rackBlock, blockOf({ spare: 1 })), expect: 'NotCanonical' },
    ],
    [
      'with a service under the name of another',
      'Its bytes are not its own.',
      { manifest: of(honest.root, bellBlock, { cid: rackBlock.cid, bytes: bellBlock.bytes }), expect: 'BadHash' },
    ],
    [
      'with two roots of its CAR',
      'The signature is the only one.',
      {
        manifest: encodeCar({
          roots: [honest.signature.cid, honest.root.cid],
          blocks: [honest.signature, honest.root, ...honest.services].map(({ cid, bytes }) => ({ cid, bytes })),
        }),
        expect: 'Malformed',
      },
    ],
    [
      'with one byte too many',
      'Its bound is a byte less.',
      { manifest: honest, bounds: { manifestBytes: encodeManifest(honest).length - 1 }, expect: 'TooLarge' },
    ],
    [
      'with one service too many',
      'Though both are at hand.',
      { manifest: of(honest.root), have: honest.services, bounds: { services: 1 }, expect: 'TooLarge' },
    ],
    [
      'with a service that is called otherwise',
      'By itself, than by the root.',
      { manifest: await signedBy({ services: { gong: bellBlock.cid } }), have: [bellBlock], expect: 'Malformed' },
    ],
    [
      'with an id that is none',
      'It could leave a folder.',
      { manifest: await signedBy({}, [{ ...plain, id: '../bell' }]), expect: 'Malformed' },
    ],
    [
      'with an ability of another service',
      'Its can is not its name behind the id.',
      { manifest: await signedBy({}, [{ ...plain, abilities: { 'gong/ring': ring } }]), expect: 'Malformed' },
    ],
    [
      'with an unknown word in a schema',
      'What it forbids would be let through.',
      { manifest: await withField({ type: 'string', pattern: 'a' }), expect: 'Unsupported' },
    ],
    [
      'with a schema of no known kind',
      'Numbers other than integers have none.',
      { manifest: await withField({ type: 'number' }), expect: 'Unsupported' },
    ],
    [
      'with a schema that lacks what its list is of',
      'What it admits would be a guess.',
      { manifest: await withField({ type: 'array' }), expect: 'Malformed' },
    ],
    [
      'with a field that would be a link',
      'In DAG-JSON.',
      {
        manifest: await withField({ type: 'object', properties: { '/': { type: 'string' } }, required: [], additionalProperties: false }),
        expect: 'Malformed',
      },
    ],
    [
      'with schemas in schemas',
      'Deeper than is read: the map is the first level, its properties the second, the field the third.',
      {
        manifest: await withField({ type: 'array', items: { type: 'array', items: { type: 'boolean' } } }),
        bounds: { schemaDepth: 4 },
        expect: 'TooLarge',
      },
    ],
  ]
}

/** What of a manifest an implementation has to tell. */
const readOf = ({ signature, root, services }: SignedManifest): ManifestVector['expect'] => {
  const { seq, endpoints } = decode(root.bytes) as { seq: number; endpoints: string[] }
  const described = services.map(({ bytes }) => decode(bytes) as { id: string })
  return {
    seq,
    root: String(root.cid),
    expires: signature.expiration as number,
    endpoints,
    services: Object.fromEntries(described.map((service) => [service.id, toDagJson(service)])),
  }
}

export const manifests = async (): Promise<ManifestFile> => ({
  kind: 'manifest',
  about: 'Manifests as CARs, whom they are expected from, and what was seen before.',
  bounds: { ...MANIFEST_BOUNDS },
  vectors: (await cases()).map(([name, description, { manifest, host = alice.did, now = NOW, have, expect, ...rest }]) => ({
    name,
    description,
    host,
    now,
    ...rest,
    ...(have && { have: have.map(({ bytes }) => toBase64(bytes)) }),
    manifest: toBase64(manifest instanceof Uint8Array ? manifest : encodeManifest(manifest)),
    expect: typeof expect === 'string' ? { code: expect } : readOf(expect),
  })),
})
