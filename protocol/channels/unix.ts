import { createServer, type RequestOptions, request } from 'node:http'
import { request as secure } from 'node:https'
import { pipeline, Readable } from 'node:stream'
import type { ReadableStream as WebStream } from 'node:stream/web'
import type { Channel, Door } from '../channel.ts'
import { answerAll, type HttpOptions, httpChannel, httpListener } from './http.ts'

/**
 * A Unix domain socket: HTTP for the applications of one machine. Who may open the socket is the file system's business; who may do
 * what is decided by keys, as everywhere.
 */
export const unixChannel = (path: string): Channel => ({
  ...httpChannel('http://symbiosis.invalid/', (url, init) => fetchBy({ socketPath: path }, url, init)),
  url: `unix:${path}`,
})

/** A server for the host's end; the caller makes it listen and chooses the socket's mode. */
export const unixServer = (door: Door, options: HttpOptions) =>
  answerAll(createServer({ requireHostHeader: false }), httpListener(door, { ...options, remote: () => 'unix' }))

/** `GET path` over a socket, where a host tells who it is. */
export const unixGet = (socket: string, path: string): Promise<Response> =>
  fetchBy({ socketPath: socket }, `http://symbiosis.invalid${path}`, { method: 'GET' })

/** `fetch` has no way to name a socket, or to say which addresses will do; this is the part of it that a channel uses. Redirects aren't followed. */
export const fetchBy = (
  way: Pick<RequestOptions, 'socketPath' | 'lookup' | 'agent'>,
  url: string,
  { method, headers, body, signal }: RequestInit,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? secure : request
    const outgoing = send(url, { ...way, method, headers: headers as Record<string, string>, ...(signal && { signal }) }, (incoming) => {
      const stream = Readable.toWeb(incoming) as ReadableStream<Uint8Array>
      resolve(new Response(stream, { status: incoming.statusCode ?? 500, headers: incoming.headers as Record<string, string> }))
    })
    outgoing.on('error', reject)
    // Whichever end breaks, the other is let go: an upload that was given up must not wait for ever.
    if (body instanceof ReadableStream) pipeline(Readable.fromWeb(body as WebStream), outgoing, (error) => error && reject(error))
    else outgoing.end(body)
  })
