import assert from 'node:assert/strict'
import {
  type Block,
  cidOf,
  decode,
  decodeReceipts,
  encode,
  encodeReceipts,
  generateSeed,
  issueReceipt,
  ReplyWriter,
  readReceipt,
  signerFromSeed,
  type Value,
} from '@symbiosis/protocol'
import { refuses } from './refusal.ts'

const host = signerFromSeed(generateSeed())
const other = signerFromSeed(generateSeed())
const ran = cidOf(Uint8Array.of(1))
const ok = { root: ran, name: 'a', bytes: 3, none: null, list: [1, 'x', new Uint8Array(2)] }

type Model = { ocm: { [field: string]: Value }; sig: Uint8Array }
/** A receipt with its model changed, and no new signature. */
const changed = (block: Block, change: (model: Model) => unknown): Block => {
  const model = decode(block.bytes) as unknown as Model
  const made = change(model)
  const bytes = encode(made === undefined ? model : made)
  return { cid: cidOf(bytes), bytes }
}

describe('A receipt', () => {
  it('is read as it was issued', () => {
    const block = issueReceipt(host, ran, { ok })
    assert.equal(String(cidOf(block.bytes)), String(block.cid))
    const receipt = readReceipt(block, ran, host.did)
    assert.deepEqual(encode(receipt.out), encode({ ok }))
    assert.deepEqual([String(receipt.ran), receipt.issuer], [String(ran), host.did])
    const error = { name: 'NotFound', message: 'No.', link: String(ran), hint: undefined }
    assert.deepEqual(readReceipt(issueReceipt(host, ran, { error }), ran, host.did).out, {
      error: { name: 'NotFound', message: 'No.', link: String(ran) },
    })
  })

  it('is the same for the same answer, CID included', () => {
    assert.deepEqual(issueReceipt(host, ran, { ok }), issueReceipt(host, ran, { ok }))
    assert.notDeepEqual(issueReceipt(host, ran, { ok }), issueReceipt(host, ran, { ok: {} }))
  })

  it('is believed of the host that was asked only, and for what was asked', () => {
    const block = issueReceipt(host, ran, { ok })
    refuses(() => readReceipt(block, ran, other.did), 'WrongAudience', { link: String(block.cid) })
    refuses(() => readReceipt(block, cidOf(Uint8Array.of(2)), host.did), 'WrongAudience')
    // Another's answer under the host's name.
    const forged = changed(issueReceipt(other, ran, { ok }), ({ ocm }) => {
      ocm.iss = host.did
    })
    refuses(() => readReceipt(forged, ran, host.did), 'BadSignature')
  })

  it('is refused where anything that is signed was changed', () => {
    const block = issueReceipt(host, ran, { ok })
    const changes: ((model: Model) => unknown)[] = [
      ({ ocm }) => {
        ocm.out = { ok: { ...ok, bytes: 4 } }
      },
      ({ ocm }) => {
        ocm.meta = { more: 1 }
      },
      ({ ocm }) => {
        ocm.more = 1
      },
      ({ sig }) => {
        sig[10] = (sig[10] as number) ^ 1
      },
      // Another algorithm's prefix.
      ({ sig }) => {
        sig[0] = 0xec
      },
    ]
    for (const change of changes) refuses(() => readReceipt(changed(block, change), ran, host.did), 'BadSignature')
  })

  it('is refused where it is none', () => {
    const block = issueReceipt(host, ran, { ok })
    const changes: ((model: Model) => unknown)[] = [
      () => null,
      () => [],
      () => ({}),
      ({ ocm }) => ({ ocm }),
      ({ ocm }) => ({ ocm, sig: 'x' }),
      ({ ocm, sig }) => ({ ocm, sig: sig.slice(0, 67) }),
      ({ ocm, sig }) => ({ ocm: { ...ocm, ran: String(ran) }, sig }),
      ({ ocm, sig }) => ({ ocm: { ...ocm, out: undefined }, sig }),
      ({ ocm, sig }) => ({ ocm: { ...ocm, out: {} }, sig }),
      ({ ocm, sig }) => ({ ocm: { ...ocm, out: { error: 'text' } }, sig }),
      ({ ocm, sig }) => ({ ocm: { ...ocm, out: null }, sig }),
    ]
    for (const change of changes) refuses(() => readReceipt(changed(block, change), ran, host.did), 'Malformed')
  })
})

describe('A message of receipts', () => {
  const answers = [1, 2, 3].map((byte) => {
    const invocation = cidOf(Uint8Array.of(byte))
    return { ran: invocation, block: issueReceipt(host, invocation, { ok: { byte } }) }
  })

  it('is read by what ran', () => {
    const receipts = decodeReceipts(encodeReceipts(answers))
    for (const { ran: invocation, block } of answers) assert.deepEqual(receipts.get(String(invocation))?.bytes, block.bytes)
    assert.equal(receipts.size, 3)
  })

  it('is refused where a block is not its CID’s own, or the report is not there', () => {
    const message = encodeReceipts(answers)
    const at = Buffer.from(message).indexOf('byte')
    refuses(() => decodeReceipts(message.map((byte, index) => (index === at ? byte ^ 1 : byte))), 'BadHash')
    refuses(() => decodeReceipts(message.subarray(0, message.length - 1)), 'Malformed')
    refuses(() => decodeReceipts(new Uint8Array(0)), 'Malformed')
  })

  it('is written in one pass as it is in parts', () => {
    const outs = [
      { ok: {} },
      { ok },
      { error: { name: 'Malformed', message: 'No “such” thing.' } },
      // Lengths of one, two, three and four bytes stand before blocks.
      ...[0, 14, 23, 200, 16_100, 16_200, 16_300, 16_384, 2_000_000].map((length) => ({ ok: { text: 'a'.repeat(length) } })),
    ] as Parameters<typeof issueReceipt>[2][]
    const writer = new ReplyWriter(host)
    const inTurn = (some: typeof outs) => {
      const answered = some.map((out, index) => ({ ran: cidOf(Uint8Array.of(index)), out }))
      const parts = answered.map(({ ran: invocation, out }) => ({ ran: invocation, block: issueReceipt(host, invocation, out) }))
      writer.clear()
      for (const { ran: invocation, out } of answered) writer.add(invocation, out)
      assert.deepEqual(Buffer.from(writer.finish()), Buffer.from(encodeReceipts(parts)))
    }
    for (const out of outs) inTurn([out])
    inTurn(outs)
    inTurn(Array.from({ length: 64 }, () => ({ ok })))
    inTurn([])
  })

  it('goes on where an answer can’t be written', () => {
    const writer = new ReplyWriter(host)
    const [first, second] = answers as [(typeof answers)[0], (typeof answers)[0]]
    writer.add(first.ran, { ok: { byte: 1 } })
    for (const unfit of [{ ok: undefined }, { ok: { big: 1n } }, { ok: { half: '\ud800' } }, { ok: { many: Number.NaN } }]) {
      assert.throws(() => writer.add(second.ran, unfit), TypeError)
    }
    writer.add(second.ran, { ok: { byte: 2 } })
    assert.deepEqual(Buffer.from(writer.finish()), Buffer.from(encodeReceipts(answers.slice(0, 2))))
  })
})
