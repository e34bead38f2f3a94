import { decode, encode, encodeVarint, type Infer, type JsonSchema, mustMatch, StreamReader, type Value } from '@symbiosis/protocol'

/** A value as it goes through a stream of them: DAG-CBOR behind its length as a varint. */
export const encodeFrame = (value: Value): Uint8Array => {
  const body = encode(value)
  const prefix = encodeVarint(body.length)
  const frame = new Uint8Array(prefix.length + body.length)
  frame.set(prefix)
  frame.set(body, prefix.length)
  return frame
}

/**
 * Such a stream, read: `what` each value is, its shape, and the most bytes of one.
 * @throws Failure Malformed, TooLarge, InvalidInput for what isn't such a stream
 */
export async function* readFrames<S extends JsonSchema>(
  stream: AsyncIterable<Uint8Array>,
  what: string,
  shape: S,
  maxBytes: number,
): AsyncGenerator<Infer<S>, void> {
  const reader = new StreamReader(stream)
  try {
    for (let frame = await reader.section(maxBytes, what); frame; frame = await reader.section(maxBytes, what)) {
      const value = decode(frame)
      mustMatch(shape, value, `A ${what}`)
      yield value as Infer<S>
    }
  } finally {
    await reader.close()
  }
}
