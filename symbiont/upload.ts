/**
 * Bytes that go up with a call, which may be offered to several hosts until one begins to take them: a stream can be read once, and
 * what has been read can't be sent again.
 */
export class Upload {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #begun = false

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader()
  }

  /** Whether a host has taken any of it. */
  get begun(): boolean {
    return this.#begun
  }

  /** The whole of it, for one attempt. */
  attempt(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          this.#begun = true
          const next = await this.#reader.read()
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        },
        cancel: async (reason) => {
          if (this.#begun) await this.#reader.cancel(reason)
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Lets the source go, where nobody took it. */
  async discard(): Promise<void> {
    if (!this.#begun) await this.#reader.cancel()
  }
}
