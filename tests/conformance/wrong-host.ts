import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Answer,
  CAR_TYPE,
  type Call,
  type Capability,
  type DID,
  type Door,
  decodeCar,
  decodeReceipts,
  decodeUcan,
  encodeReceipts,
  Failure,
  httpListener,
  issueReceipt,
  type LocalSigner,
  type Refusal,
  type Result,
  readReceipt,
} from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import type { Host } from '../../host/index.ts'
import { manifestPage, WELL_KNOWN } from '../../host/manifest/page.ts'

export type Out = Result<unknown, Refusal>

/** One answer of the host within, which a wrong one may change before it is signed. */
export interface Answered {
  readonly ran: CID
  readonly can: string
  readonly nb: { readonly [field: string]: unknown }
  /** Who called, and for which space. */
  readonly agent: string
  readonly space: string
  readonly out: Out
}

type Bytes = ReadableStream<Uint8Array>

/** What is wrong about a host: all of it optional. */
export interface Wrong {
  /** Answers in the place of a message that the real host refuses as a whole. */
  unrefused?(failure: Failure): boolean
  /** Whether the message is refused as a whole, by a code of the wrong host's own. */
  refuses?(call: Call): string | undefined
  /** What is signed in the place of the answer; undefined leaves it out. */
  answer?(answered: Answered, host: LocalSigner): Out | undefined | Promise<Out>
  /** What streams in the place of what the host streams. */
  body?(answered: Answered, body: Bytes, host: LocalSigner): Bytes
  /** What the host reads in the place of what is uploaded. */
  upload?(body: Bytes): Bytes
  /** Who signs it. */
  signer?(answered: Answered, host: LocalSigner): LocalSigner
  /** For which call. */
  ran?(answered: Answered, all: readonly Answered[]): CID
  /** Stands before everything else of HTTP: true where it has answered by itself. */
  http?(...args: Parameters<Parameters<typeof createServer>[1] & object>): boolean
}

const MiB = 1024 * 1024

/** A real host behind a door that breaks a rule: it tells, signs and admits otherwise than the host within. */
export const openWrongHost = async (
  host: Pick<Host, 'did' | 'door' | 'publisher'>,
  key: LocalSigner,
  wrong: Wrong,
): Promise<{ url: string; close(): void }> => {
  const about = { status: 200, type: 'application/json', body: JSON.stringify({ did: host.did }), open: true }
  const listener = httpListener(bentDoor(host, key, wrong), {
    maxMessageBytes: 64 * MiB,
    pages: async (path) => (path === '/' ? about : path === WELL_KNOWN ? manifestPage(host.publisher, '', CAR_TYPE) : undefined),
  })
  const server = createServer((request, response) => {
    if (!wrong.http?.(request, response)) void listener(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => end(server) }
}

const end = (server: Server): void => {
  server.closeAllConnections()
  server.close()
}

const bentDoor =
  ({ did, door }: { did: DID; door: Door }, key: LocalSigner, wrong: Wrong): Door =>
  async (call): Promise<Answer> => {
    // Without its connection the call is trusted: what strangers may ask for in a second is another rule than these.
    const { connection: _, ...trusted } = { ...call, signal: call.signal }
    const refuses = wrong.refuses?.(call)
    if (refuses) throw new Failure(refuses, 'Refused without a reason.')
    const upload = call.body && wrong.upload ? { body: wrong.upload(call.body) } : {}
    let message: Uint8Array
    let body: Bytes | undefined
    try {
      ;({ message, body } = await door({ ...trusted, ...upload }))
    } catch (thrown) {
      if (!(thrown instanceof Failure) || !wrong.unrefused?.(thrown)) throw thrown
      return { message: encodeReceipts([]) }
    }
    const calls = callsOf(call.message)
    const all = [...decodeReceipts(message)].map(([name, block]): Answered => {
      const ran = CID.parse(name)
      return { ran, ...(calls.get(name) ?? UNKNOWN), out: readReceipt(block, ran, did).out }
    })
    const receipts: Parameters<typeof encodeReceipts>[0][number][] = []
    for (const answered of all) {
      const out = wrong.answer ? await wrong.answer(answered, key) : answered.out
      const ran = wrong.ran?.(answered, all) ?? answered.ran
      if (out) receipts.push({ ran: answered.ran, block: issueReceipt(wrong.signer?.(answered, key) ?? key, ran, out) })
    }
    const streamed = body && (wrong.body?.(all[0] as Answered, body, key) ?? body)
    return { message: encodeReceipts(receipts), ...(streamed && { body: streamed }) }
  }

const UNKNOWN = { can: '', nb: {}, agent: '', space: '' }

/** What each block of a message that is a UCAN asks for. */
const callsOf = (message: Uint8Array): Map<string, Omit<Answered, 'ran' | 'out'>> => {
  const { blocks } = decodeCar(message, { maxBlocks: 10_000, maxBlockBytes: 64 * MiB })
  const calls = blocks.map(({ cid, bytes }): [string, Omit<Answered, 'ran' | 'out'>] => {
    try {
      const { issuer: agent, capabilities } = decodeUcan(cid, bytes)
      const { can, nb = {}, with: space } = capabilities[0] as Capability
      return [String(cid), { can, nb: nb as Answered['nb'], agent, space }]
    } catch {
      // the root of the message, or a form that is none
      return [String(cid), UNKNOWN]
    }
  })
  return new Map(calls)
}
