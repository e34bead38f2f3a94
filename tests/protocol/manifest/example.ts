import { ability, type Block, bytes, choice, decode, link, optional, type Service, service, struct, text } from '@symbiosis/protocol'
import {
  buildManifest,
  compareServices,
  describeService,
  encodeManifest,
  MANIFEST_BOUNDS,
  type SignedManifest,
  signManifest,
} from '@symbiosis/protocol/manifest'
import { encodeVerifierKey, originOf, verifierKey } from '@symbiosis/protocol/revocation'
import { numbered } from '../../fixtures.ts'
import { toBase64, toDagJson } from '../../vectors/json.ts'

/** The host of the specification's page, and the key of its log: no others, so that their keys may be known to all. */
export const host = numbered(7)
const logKey = new Uint8Array(32).fill(8)

const bell = service('bell', {
  rev: 1,
  about: 'Rings',
  abilities: {
    ringOut: ability({
      about: 'Rings, once',
      effect: 'once',
      nb: struct({ tone: choice('high', 'low'), score: optional(link()) }),
      ok: struct({ sound: bytes({ maxLength: 1024 }) }),
      errors: { Cracked: struct({ since: text({ maxLength: 32 }) }) },
    }),
  },
})

/** A next revision, which isn't all that it may be. */
const next: Service = {
  ...bell,
  rev: 2,
  abilities: {
    ringOut: {
      ...bell.abilities.ringOut,
      nb: struct({ tone: choice('high', 'low'), score: optional(link()), loud: optional(text()) }),
      ok: struct({ sound: bytes({ maxLength: 1024 }), length: optional(text()) }),
    },
    hush: ability({ about: 'Is still', effect: 'idempotent', nb: struct({}), ok: struct({}) }),
  } as Service['abilities'],
}

/** The manifest of the specification's page. */
const example = async (): Promise<SignedManifest> => {
  const key = encodeVerifierKey(verifierKey(originOf(host.did), logKey))
  const blocks = buildManifest(
    {
      host: host.did,
      log: { key, filters: { every: 3600, kept: 2 } },
      endpoints: ['https://host.example/'],
      services: [describeService(bell, { region: 'tower', maxLease: 86_400 })],
    },
    { seq: 1_800_000_000 },
  )
  return { ...blocks, signature: await signManifest(host, { root: blocks.root, seq: 1_800_000_000, expiration: 1_800_086_400 }) }
}

const shown = ({ cid, bytes: encoded }: Pick<Block, 'cid' | 'bytes'>) => ({
  cid: String(cid),
  block: toDagJson(decode(encoded)),
  bytes: toBase64(encoded),
})

/** What the page's examples are, by their names. */
export const examples = async (): Promise<{ readonly [name: string]: object }> => {
  const { signature, root, services } = await example()
  return {
    blocks: { root: shown(root), services: services.map(shown) },
    signature: shown(signature),
    car: { bytes: toBase64(encodeManifest({ signature, root, services })) },
    bounds: MANIFEST_BOUNDS,
    evolution: compareServices(describeService(bell), describeService(next)),
  }
}
