/** An answer of HTTP as it came. */
export interface Answer {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array
}

/** Reads the answers that come over one connection. It reads strictly: what it can't read is an answer of status 0. */
export class AnswerReader {
  readonly answers: Answer[] = []
  /** Whether an answer said that it is the last one. */
  closes = false
  readonly #headless: boolean
  #buffer: Buffer = Buffer.alloc(0)

  /** `headless` for the answers to HEAD, which have no bodies. */
  constructor(headless: boolean) {
    this.#headless = headless
  }

  push(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    for (let next = this.#next(); next; next = this.#next()) {
      this.#buffer = this.#buffer.subarray(next.length)
      // 100 Continue and its like are no answers.
      if (next.answer.status >= 100 && next.answer.status < 200) continue
      this.answers.push(next.answer)
      if (next.answer.headers.connection === 'close') this.closes = true
    }
  }

  /** What is left when nothing more comes, if anything is. */
  partial(): Answer | undefined {
    if (this.#buffer.length === 0) return undefined
    const head = headOf(this.#buffer)
    return { status: head?.status ?? 0, headers: head?.headers ?? {}, body: this.#buffer.subarray(head?.length ?? 0) }
  }

  #next(): { answer: Answer; length: number } | undefined {
    const head = headOf(this.#buffer)
    if (!head) {
      if (this.#buffer.length < 65_536) return undefined
      return { answer: { status: 0, headers: {}, body: this.#buffer }, length: this.#buffer.length }
    }
    const { status, headers } = head
    const rest = this.#buffer.subarray(head.length)
    const empty = this.#headless || status === 204 || status === 304 || status < 200
    const body = empty ? { bytes: rest.subarray(0, 0), length: 0 } : bodyOf(rest, headers)
    return body && { answer: { status, headers, body: body.bytes }, length: head.length + body.length }
  }
}

const headOf = (buffer: Buffer): { status: number; headers: { [name: string]: string }; length: number } | undefined => {
  const end = buffer.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = buffer.toString('latin1', 0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) [ -~]*$/.exec(first)?.[1] ?? 0)
  const headers: { [name: string]: string } = Object.create(null)
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return { status, headers, length: end + 4 }
}

const bodyOf = (rest: Buffer, headers: { [name: string]: string }): { bytes: Uint8Array; length: number } | undefined => {
  if (headers['transfer-encoding'] === 'chunked') return chunksOf(rest)
  const length = Number(headers['content-length'] ?? Number.NaN)
  return rest.length < length || Number.isNaN(length) ? undefined : { bytes: rest.subarray(0, length), length }
}

const chunksOf = (rest: Buffer): { bytes: Uint8Array; length: number } | undefined => {
  const chunks: Uint8Array[] = []
  for (let at = 0; ; ) {
    const line = rest.indexOf('\r\n', at)
    if (line < 0) return undefined
    const size = Number.parseInt(rest.toString('latin1', at, line), 16)
    const end = line + 2 + size + 2
    if (rest.length < end) return undefined
    if (size === 0) return { bytes: Buffer.concat(chunks), length: end }
    chunks.push(rest.subarray(line + 2, line + 2 + size))
    at = end
  }
}
