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
import { numbered } from '../../fixtures.ts'
import { toBase64, toDagJson } from '../../vectors/json.ts'
import { logKey, shown as shownIn } from './logging.ts'

/** The host of the specification's page: no other, so that its key may be known to all. */
export const host = numbered(7)

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
  const blocks = buildManifest(
    {
      host: host.did,
      log: { key: logKey(host), filters: { every: 3600, kept: 2 } },
      endpoints: ['https://host.example/'],
      services: [describeService(bell, { region: 'tower', maxLease: 86_400 })],
    },
    { seq: 1_800_000_000 },
  )
  return { ...blocks, signature: await signManifest(host, { root: blocks.root, seq: 1_800_000_000, expiration: 1_800_086_400 }) }
}

/** What shows that the host's log has it, behind a filter. */
const logged = (root: Block) =>
  shownIn(
    [
      { kind: 'filter', size: 0, now: 1_800_000_000, bits: 0, root: root.cid },
      { kind: 'manifest', seq: 1_800_000_000, root: root.cid },
    ],
    1,
    { host },
  )

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
    log: toDagJson(await logged(root)) as object,
    bounds: MANIFEST_BOUNDS,
    evolution: compareServices(describeService(bell), describeService(next)),
  }
}
