import {
  ability,
  type Block,
  bool,
  bytes,
  choice,
  cidOf,
  dictionary,
  encode,
  encodeCar,
  int,
  type LocalSigner,
  limit,
  link,
  list,
  optional,
  service,
  struct,
  text,
  type Ucan,
  union,
} from '@symbiosis/protocol'
import {
  buildManifest,
  describeService,
  encodeManifest,
  type ManifestContent,
  type ManifestExpectation,
  type ManifestRoot,
  type SignedManifest,
  signManifest,
  verifyManifest,
} from '@symbiosis/protocol/manifest'
import { alice, NOW } from '../../fixtures.ts'

/** A service with every kind of schema, and of ability. */
export const rack = service('rack', {
  rev: 3,
  about: 'Keeps bottles',
  limits: { bottles: limit.max('bottles kept', { default: 10 }), bytes: limit.max('bytes of labels', { unit: 'bytes', default: 1000 }) },
  abilities: {
    putAway: ability({
      about: 'Puts a bottle away',
      effect: 'once',
      nb: struct({
        bottle: link({ description: 'What is in it' }),
        label: optional(text({ maxLength: 100 })),
        kind: optional(choice('red', 'white')),
        sealed: optional(bool()),
      }),
      ok: struct({ place: int({ min: 1, max: 500 }), note: union(text(), struct({ seal: bytes({ maxLength: 64 }) })) }),
      errors: { Full: struct({ places: int() }) },
    }),
    look: ability({
      about: 'Tells what is there',
      authority: 'open',
      effect: 'read',
      nb: struct({}),
      ok: struct({ bottles: list(struct({ bottle: link(), place: int() }), { maxItems: 500 }), byKind: dictionary(int()) }),
    }),
    pour: ability({ about: 'Pours one', effect: 'read', nb: struct({ place: int() }), ok: struct({}), stream: 'out' }),
  },
})

/** A second one, that stays as it is. */
export const bell = service('bell', {
  rev: 1,
  about: 'Rings',
  abilities: { ring: ability({ about: 'Rings once', effect: 'once', nb: struct({}), ok: struct({}) }) },
})

export const contentOf = (over: Partial<ManifestContent> = {}): ManifestContent => ({
  host: alice.did,
  log: { key: 'example+00000000+AA==', filters: { every: 3600, kept: 2 } },
  endpoints: ['https://host.example/'],
  services: [describeService(rack, { region: 'attic' }), describeService(bell)],
  ...over,
})

interface Bend {
  content?: Partial<ManifestContent>
  number?: Pick<ManifestRoot, 'seq' | 'prev'>
  signer?: LocalSigner
  expiration?: number
  /** What the signature says, where that is not what the root does. */
  seq?: number
}

/** A manifest of alice's host, good for an hour; `over` bends it. */
export const signed = async ({
  content = {},
  number = { seq: 1 },
  signer = alice,
  expiration = NOW + 3600,
  seq,
}: Bend = {}): Promise<SignedManifest> => {
  const blocks = buildManifest(contentOf(content), number)
  return { ...blocks, signature: await signManifest(signer, { root: blocks.root, seq: seq ?? number.seq, expiration }) }
}

/** The same of a root and services that no builder would make. */
export const signedBy = async (root: object, services: readonly object[] = [], signer = alice): Promise<Uint8Array> => {
  const blocks = services.map(blockOf)
  const links = Object.fromEntries(services.map((each, index) => [(each as { id: string }).id, (blocks[index] as Block).cid]))
  const { host, log, endpoints } = contentOf()
  const rootBlock = blockOf({ v: 1, host, seq: 1, log, endpoints, services: links, ...root })
  const signature = await signManifest(signer, { root: rootBlock, seq: 1, expiration: NOW + 3600 })
  return car(signature, [rootBlock, ...blocks])
}

export const blockOf = (value: object): Block => {
  const encoded = encode(value)
  return { cid: cidOf(encoded), bytes: encoded }
}

export const car = ({ cid, bytes: encoded }: Ucan, blocks: readonly Block[]): Uint8Array =>
  encodeCar({ roots: [cid], blocks: [{ cid, bytes: encoded }, ...blocks] })

/** As alice's host, now, unless bent. */
export const verify = (manifest: SignedManifest | Uint8Array, over: Partial<ManifestExpectation> = {}) =>
  verifyManifest(manifest instanceof Uint8Array ? manifest : encodeManifest(manifest), { host: alice.did, now: NOW, ...over })
