/**
 * A way to a host. Each kind of channel has both its ends in one file of `channels/`; all of them pass the same suite.
 */
export interface Channel {
  /** Where it leads, for people. */
  readonly url: string
  /**
   * Sends a message of invocations and gets the one with their receipts.
   * @throws Failure whatever the host refused the message with, Unavailable where it can't be reached, Cancelled
   */
  request(message: Uint8Array, options?: { signal?: AbortSignal }): Promise<Uint8Array>
  /** The same with bytes beside the message one way or the other, for abilities that declare a stream. */
  open(message: Uint8Array, options?: OpenOptions): Promise<Answer>
}

/** How a channel is opened. */
export interface OpenOptions {
  signal?: AbortSignal
  /** What goes to the host beside the message. */
  body?: ReadableStream<Uint8Array>
}

/** What a host's end of a channel is given. */
export interface Call {
  readonly message: Uint8Array
  /** Bytes beside the message, where the caller sends a stream. */
  readonly body?: ReadableStream<Uint8Array>
  /** Whether the channel can carry a stream back. */
  readonly streams: boolean
  readonly signal: AbortSignal
  /** The web origin that a browser vouches for. */
  readonly origin?: string
  /** Where the call came in, for logs and rate limits: an address, or `unix`. */
  readonly remote: string
  /** What stands for the connection that it came over: the same object for all its calls. A call without one is of this process, and trusted. */
  readonly connection?: object
}

/** What a call is answered with: the message with its receipts, and what streams behind it. */
export interface Answer {
  readonly message: Uint8Array
  /** Where it breaks off with a BrokenOff, the host says why; else whatever carries it broke. */
  readonly body?: ReadableStream<Uint8Array>
}

/**
 * Who decides, at the host's end of a channel, when something is read of what a connection sends: before anybody is known, reading is all
 * that can be withheld.
 */
export interface Gate {
  /**
   * A request begins; nothing but its head, and what came with that, is read before this resolves.
   * @throws Failure RateLimited
   */
  enter(connection: object): Promise<void> | undefined
  /** So many bytes of its message came; no more are read before this resolves. */
  received(connection: object, bytes: number): Promise<void> | undefined
  /** The request is refused for its head alone; the answer waits until this resolves. */
  turn(connection: object): Promise<void> | undefined
  /** The request is answered, or given up. */
  leave(connection: object): void
}

/**
 * A host as its channels see it.
 * @throws Failure for what is refused before anything could be signed: the channel tells it in its own way
 */
export type Door = (call: Call) => Promise<Answer>
