import * as dagPb from '@ipld/dag-pb'
import { brief, Failure } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'

const RAW = 0x55
const DAG_CBOR = 0x71

/**
 * The links in a block whose bytes are known to be its own: dag-pb, dag-cbor, raw.
 * @throws Failure Unsupported for other codecs, Malformed for bytes that aren't of the codec
 */
export const linksOf = ({ cid, bytes }: { cid: CID; bytes: Uint8Array }): CID[] => {
  try {
    if (cid.code === RAW) return []
    if (cid.code === dagPb.code) return dagPb.decode(bytes).Links.map(({ Hash }) => Hash as CID)
    if (cid.code === DAG_CBOR) return linksInCbor(bytes)
  } catch (cause) {
    throw new Failure('Malformed', `The bytes of the block ${brief(cid)} are not of its codec.`, { link: String(cid) }, { cause })
  }
  throw new Failure('Unsupported', `The block ${brief(cid)} has the codec 0x${cid.code.toString(16)}, whose links can't be read.`, {
    link: String(cid),
    hint: 'Use dag-pb, dag-cbor or raw.',
  })
}

/** CBOR is a run of heads, some with bytes behind them; nesting doesn't matter to who looks for links alone. */
const linksInCbor = (bytes: Uint8Array): CID[] => {
  const links: CID[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let isLink = false
  for (let at = 0; at < bytes.length; ) {
    const initial = bytes[at++] as number
    const [major, info] = [initial >> 5, initial & 0x1f]
    if (info > 27) throw new RangeError('an indefinite length')
    const width = info < 24 ? 0 : 1 << (info - 24)
    const argument =
      width === 0
        ? info
        : width === 1
          ? view.getUint8(at)
          : width === 2
            ? view.getUint16(at)
            : width === 4
              ? view.getUint32(at)
              : Number(view.getBigUint64(at))
    at += width
    if (major === 2 || major === 3) {
      if (at + argument > bytes.length) throw new RangeError('a length beyond the end')
      if (isLink) links.push(CID.decode(bytes.slice(at + 1, at + argument)))
      at += argument
    }
    isLink = major === 6 && argument === 42
  }
  return links
}
