import { toBase64 } from './json.ts'
import { Refusal } from './refusal.ts'
import { isLink, readCar, readCbor, readVarint } from './strict.ts'

const MAX = { message: 16 * 1024 * 1024, frame: 1024 * 1024, ending: 64 * 1024 }

/** A stream's body in plain words; `receiptOf` gives what the block of a receipt says, or why it says nothing. */
export const readStream = async (body: Uint8Array, ran: string, receiptOf: (block: Uint8Array) => Promise<unknown>) => {
  let rest = body
  const next = (what: keyof typeof MAX): Uint8Array => {
    if (rest.length === 0) throw new Refusal('Malformed')
    const { value, length } = readVarint(rest)
    if (value > MAX[what]) throw new Refusal('TooLarge', what)
    if (length + value > rest.length) throw new Refusal('Malformed')
    const bytes = rest.subarray(length, length + value)
    rest = rest.subarray(length + value)
    return bytes
  }
  const message = next('message')
  if (message.length === 0) throw new Refusal('Malformed')
  const content: number[] = []
  for (let frame = next('frame'); frame.length > 0; frame = next('frame')) content.push(...frame)
  const read = { message: toBase64(message), content: toBase64(Uint8Array.from(content)) }
  const ending = next('ending')
  if (rest.length > 0) throw new Refusal('Malformed')
  return ending.length === 0 ? read : { ...read, refusal: await refusalIn(ending, ran, receiptOf) }
}

const refusalIn = async (ending: Uint8Array, ran: string, receiptOf: (block: Uint8Array) => Promise<unknown>) => {
  const { roots, blocks } = await readCar(ending, { maxBlocks: 1024, maxBlockBytes: 8 * 1024 * 1024 })
  const bytesOf = (cid: unknown) => blocks.find((block) => String(block.cid) === String(cid))?.bytes
  const root = bytesOf(roots[0])
  const message = root && (readCbor(root) as { 'ucanto/message@7.0.0'?: { report?: Record<string, unknown> } })
  const link = message?.['ucanto/message@7.0.0']?.report?.[ran]
  const block = isLink(link) ? bytesOf(link) : undefined
  if (!block) throw new Refusal('Malformed')
  const { out, ...refused } = (await receiptOf(block)) as { out?: { error?: unknown }; code?: string }
  if (refused.code !== undefined) throw new Refusal(refused.code)
  if (!out?.error) throw new Refusal('Malformed')
  return out.error
}
