import * as dagCbor from '@ipld/dag-cbor'
import * as dagPb from '@ipld/dag-pb'
import { asLink, brief, Failure } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'

/** Whether blocks of this CID can hold links at all. */
export const canLink = (cid: CID): boolean => cid.code !== raw.code

/**
 * The links in a block, in the order in which they stand there, repeated ones included: dag-pb, dag-cbor, raw. Throws `Unsupported` for
 * other codecs and `Malformed` for bytes that aren't of the codec. `bytes` are taken to be checked against the CID.
 */
export const linksOf = (cid: CID, bytes: Uint8Array): CID[] => {
  const read = READERS.get(cid.code)
  if (read === undefined) {
    throw new Failure(
      'Unsupported',
      `The block ${brief(cid)} has the codec 0x${cid.code.toString(16)}, whose links this host cannot read.`,
      {
        link: cid.toString(),
        hint: 'Use dag-pb, dag-cbor or raw.',
      },
    )
  }
  try {
    return read(bytes)
  } catch (cause) {
    const details = { link: cid.toString() }
    throw new Failure('Malformed', `The bytes of the block ${brief(cid)} are not of its codec 0x${cid.code.toString(16)}.`, details, {
      cause,
    })
  }
}

const READERS = new Map<number, (bytes: Uint8Array) => CID[]>([
  [raw.code, () => []],
  [dagPb.code, (bytes) => dagPb.decode(bytes).Links.map(({ Hash }) => own(Hash))],
  [dagCbor.code, (bytes) => linksIn(dagCbor.decode(bytes))],
])

/** Codecs may come with a copy of multiformats of their own. */
const own = (link: unknown): CID => {
  const cid = asLink(link)
  if (!cid) throw new TypeError('not a CID')
  return cid
}

/** A list of its own instead of recursion: values nest deeper than the stack is. */
const linksIn = (root: unknown): CID[] => {
  const links: CID[] = []
  const rest: unknown[] = [root]
  while (rest.length > 0) {
    const value = rest.pop()
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue
    const cid = asLink(value)
    if (cid) links.push(cid)
    else for (const inner of Object.values(value).reverse()) rest.push(inner)
  }
  return links
}
