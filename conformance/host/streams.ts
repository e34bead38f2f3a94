import { CAR_TYPE, encodeInvocations, encodeVarint, Failure, STREAM_TYPE, sameBytes, unwrap } from '@symbiosis/protocol'
import { codeOf, expectCode, must, type Rule } from './breach.ts'
import type { Peer } from './peer.ts'
import { checkpointOf, revoke, revoked } from './taking-back.ts'
import { watch } from './watching.ts'

const area = 'streams'

/** Streams that are opened and left: more than a host has open for one caller. */
const LEFT = 40
/** Milliseconds within which a stream ends whose right was taken back. */
const CUT_WITHIN = 1000

const joined = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => Uint8Array.from(parts.flatMap((part) => [...part]))

/** Sends a body as it is, and gives the code that it is refused with. */
const sent = async (peer: Peer, body: Uint8Array<ArrayBuffer>): Promise<string> => {
  const response = await fetch(peer.url, {
    method: 'POST',
    headers: { 'content-type': STREAM_TYPE, accept: CAR_TYPE },
    body,
  })
  if (response.ok) return 'ok'
  const { error } = (await response.json()) as { error?: { name?: unknown } }
  return String(error?.name)
}

/** What all hosts stream, for all: their log. */
export const streams: readonly Rule[] = [
  {
    area,
    name: 'streams its log behind the receipt of the call',
    async check(peer) {
      const watching = await watch(peer, 0)
      try {
        const { from, entries } = await watching.next()
        must(from === 0 && entries.length > 0, 'It begins elsewhere than was asked')
        const { entries: read } = unwrap(await peer.call({ can: 'log/entries', nb: { from: 0, limit: entries.length } })) as {
          entries: { leaf: Uint8Array }[]
        }
        const same = entries.slice(0, read.length).every(({ leaf }, at) => sameBytes(leaf, read[at]?.leaf as Uint8Array))
        must(read.length > 0 && same, 'It streams other entries than log/entries tells')
      } finally {
        await watching.leave()
      }
    },
  },
  {
    area,
    name: 'refuses to stream to who takes no streams',
    check: (peer) => expectCode(peer.call({ can: 'log/watch', nb: { from: 0 } }), 'It answers', 'Unsupported'),
  },
  {
    area,
    name: 'refuses a body to a call that streams the other way',
    async check(peer) {
      const invocation = await peer.invocation({ can: 'log/watch', nb: { from: 0 } })
      const answer = peer.channel.open(encodeInvocations([invocation], []), { body: new Response('up').body as ReadableStream<Uint8Array> })
      const code = await codeOf(
        answer.then(async ({ message, body }) => {
          await body?.cancel()
          return peer.read(message, [invocation])[0] as never
        }),
      )
      must(code === 'Unsupported', `It answers ${code}, where Unsupported was due`)
    },
  },
  {
    area,
    name: 'refuses a body that streams behind no message',
    async check(peer) {
      const message = encodeInvocations([await peer.invocation({})], [])
      const cases: [string, Uint8Array<ArrayBuffer>, ...string[]][] = [
        ['An empty body', joined(), 'Malformed'],
        ['A message of no bytes', joined(encodeVarint(0), encodeVarint(0), encodeVarint(0)), 'Malformed'],
        ['A message that is cut', joined(encodeVarint(message.length), message.subarray(0, -5)), 'Malformed'],
        ['A length in a second form', joined(Uint8Array.of(0x85, 0x00), message.subarray(0, 5)), 'NotCanonical', 'Malformed'],
        ['A length beyond all bounds', joined(encodeVarint(2 ** 40), message), 'TooLarge'],
      ]
      const takesNone = (await peer.cans(({ stream }) => stream === 'in')).length === 0
      for (const [what, body, ...codes] of cases) {
        const code = await sent(peer, body)
        // Who has nothing that takes a stream needs not know the form of one.
        if (takesNone && code === 'Unsupported') continue
        must(codes.includes(code), `${what}: ${code}, where ${codes.join(' or ')} was due`)
      }
    },
  },
  {
    area,
    name: 'lets go of streams that were left',
    async check(peer) {
      for (let left = 0; left < LEFT; left++) await (await watch(peer, 0)).leave()
      const watching = await watch(peer, 0)
      await watching.next()
      await watching.leave()
    },
  },
]

/** What of streams shows as something is revoked: only lessees may. */
export const streamsOut: readonly Rule[] = [
  {
    area,
    name: 'goes on with a stream of its log as that grows',
    async check(peer) {
      const { size } = await checkpointOf(peer)
      const watching = await watch(peer, size)
      try {
        for (let more = 0; more < 2; more++) {
          const { logged } = await revoked(peer)
          let next = await watching.next()
          // What others do there comes along.
          while (next.from + next.entries.length <= logged.index) next = await watching.next()
          const { leaf } = next.entries[logged.index - next.from] ?? {}
          must(leaf && sameBytes(leaf, logged.entry), 'What was revoked is not in its place in the stream')
        }
      } finally {
        await watching.leave()
      }
    },
  },
  {
    area,
    name: 'ends a stream whose right was taken back within a second, and says by a receipt why',
    async check(peer) {
      const proof = await peer.given(peer.space, peer.device, { can: 'log/watch' })
      const { size } = await checkpointOf(peer)
      const watching = await watch(peer, size, { signer: peer.device, subject: peer.space.did, proofs: [proof] })
      try {
        unwrap(await revoke(peer, proof))
        const ended = await watching.ended(CUT_WITHIN)
        must(ended !== undefined, 'It ends the stream as if that were all')
        const { name, details } = ended instanceof Failure ? ended : new Failure('Internal', String(ended))
        must(name === 'Revoked', `It ends the stream with ${name}`)
        must(details.link === String(proof.ucan.cid) && details.by === peer.space.did, 'It does not say which link, or by whom')
      } finally {
        await watching.leave()
      }
    },
  },
]
