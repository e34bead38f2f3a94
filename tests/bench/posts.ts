/** One request as it goes over HTTP. */
export interface Post {
  readonly headers: Record<string, string>
  readonly body: Uint8Array
}

/** Connections that callers keep open, with one call under way on each. */
export const CONNECTIONS = 16
