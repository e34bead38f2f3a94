import { chmodSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { answerAll, Failure, type HttpOptions, httpListener, type Page, type Steps } from '@symbiosis/protocol'
import { unixServer } from '@symbiosis/protocol/unix'
import { frontPage } from './front-page.ts'
import type { Host } from './host.ts'
import { operatorPath } from './identity.ts'
import { isLoopback } from './log/dialling.ts'
import { logPage } from './log/static.ts'
import { manifestPage, WELL_KNOWN } from './manifest/page.ts'

/** Where and how a host listens. */
export interface ListenOptions {
  /** TCP port; 0 takes a free one, false opens none. */
  port?: number | false
  /** Loopback unless told. */
  address?: string
  /** Path of a Unix socket. */
  socket?: string
  /** Mode of the socket. Who opens it still needs a key. */
  socketMode?: number
  /** Milliseconds that a caller may take to send the head of a request. */
  headersTimeout?: number
  /** Milliseconds without a byte after which a connection ends. */
  idleTimeout?: number
  maxConnections?: number
  /** DNS names under which the metrics may be asked for, beside the addresses of this machine: a web site could let any other name point here. */
  names?: readonly string[]
  /** Milliseconds within which a message must have come whole; a stream behind it has as long as it needs. */
  messageTimeout?: number
  /** Bytes of a frame of such a stream, 1 MiB unless told. */
  maxFrameBytes?: number
}

/** A host that listens. Disposing of it closes it. */
export interface Listener extends AsyncDisposable {
  /** `http://address:port`, where a port is open. */
  readonly url?: string
  readonly socket?: string
  /** Whether it is reached on this machine alone: a DNS name of its own says that something passes others' calls on. */
  readonly local: boolean
  /** Takes no new connections. */
  stop(): Promise<void>
  /** Ends the connections that are left. */
  close(): Promise<void>
}

/** `sun_path` of Linux has 108 bytes with its end, of macOS 104. */
const MAX_SOCKET_PATH = 103

/**
 * Opens the doors of a host.
 * @throws Failure Unavailable for a port or socket that is taken, InvalidInput for a path that's too long
 */
export const listen = async (host: Host, options: ListenOptions & Pick<HttpOptions, 'maxMessageBytes'>): Promise<Listener> => {
  const {
    port = 0,
    address = '127.0.0.1',
    socket,
    socketMode = 0o600,
    headersTimeout = 10_000,
    idleTimeout = 120_000,
    maxConnections = 4096,
    names = [],
    messageTimeout = 30_000,
    maxFrameBytes,
    maxMessageBytes,
  } = options
  const pages = (local: boolean) => async (path: string, connection: object, accept: string) =>
    host.gate.run(connection, pageOf(host, path, local, accept))
  const bounds = { maxMessageBytes, messageTimeout, ...(maxFrameBytes !== undefined && { maxFrameBytes }) }
  const http = { ...bounds, gate: host.gate, names, pages: pages(false) }
  const servers: Server[] = []
  const open = async (server: Server, where: Parameters<Server['listen']>[0], name: string) => {
    // No bound on a whole request: an upload takes as long as it takes, as long as it moves.
    const connectionsCheckingInterval = Math.min(30_000, headersTimeout)
    Object.assign(server, { headersTimeout, connectionsCheckingInterval, maxConnections, requestTimeout: 0 })
    // After an answer, too: whoever has to connect again is a stranger again.
    Object.assign(server, { timeout: idleTimeout, keepAliveTimeout: idleTimeout })
    server.on('connection', (connection) => {
      host.gate.opened(connection)
      connection.once('close', () => host.gate.closed(connection))
    })
    await listening(server, where, name)
    servers.push(server)
    return server
  }
  let url: string | undefined
  try {
    if (port !== false) {
      const http1 = answerAll(createServer({ requireHostHeader: false }), httpListener(host.door, http))
      const server = await open(http1, { port, host: address }, `port ${port}`)
      const bound = server.address() as AddressInfo
      url = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
    }
    if (socket !== undefined) {
      await clearStale(socket)
      await open(unixServer(host.door, { ...http, pages: pages(true) }), { path: socket }, socket)
      chmodSync(socket, socketMode)
    }
  } catch (error) {
    await Promise.all(servers.map(stopServer))
    throw error
  }
  const stop = () => Promise.all(servers.map(stopServer)).then(() => {})
  const close = async () => {
    for (const server of servers) server.closeAllConnections()
    await stop()
  }
  const local = names.length === 0 && (port === false || isLoopback(address) || address === 'localhost')
  return { ...(url && { url }), ...(socket && { socket }), local, stop, close, [Symbol.asyncDispose]: close }
}

/** What a GET tells: who the host is, and how it fares. */
function* pageOf(host: Host, url: string, local: boolean, accept: string): Steps<Page | Promise<Page | undefined> | undefined> {
  const json = (status: number, content: object) => ({ status, type: 'application/json', body: `${JSON.stringify(content)}\n`, open: true })
  const path = url.startsWith(`${WELL_KNOWN}?`) ? WELL_KNOWN : url
  switch (path) {
    case '/':
      if (accept.includes('text/html')) return frontPage(host, host.publisher.services)
      // Where the operator's key lies helps who may read it, and only on this machine.
      return json(200, { did: host.did, name: host.name, ...(local && { operator: operatorPath(host.dir) }) })
    case '/healthz':
      return json(200, { ok: true })
    case '/readyz':
      return json(host.ready ? 200 : 503, { ok: host.ready })
    case '/metrics':
      return host.metrics.text().then((body) => ({ status: 200, type: 'text/plain; version=0.0.4', body }))
    case WELL_KNOWN:
      return manifestPage(host.publisher, url.slice(path.length), accept)
    default:
      return path.startsWith(LOG) ? logPage(host.revocationLog, path.slice(LOG.length)) : undefined
  }
}

/** Below which the log stands as files. */
const LOG = '/log/'

const listening = (server: Server, where: Parameters<Server['listen']>[0], name: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is taken by another program' : `can't be opened: ${error.code ?? error.message}`
      reject(new Failure('Unavailable', `The ${name} ${reason}.`, { hint: 'Choose another with --port or --socket.' }, { cause: error }))
    })
    server.listen(where as { port: number }, () => resolve())
  })

const stopped = new WeakMap<Server, Promise<void>>()

const stopServer = (server: Server): Promise<void> => {
  let promise = stopped.get(server)
  if (!promise) {
    promise = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    stopped.set(server, promise)
  }
  return promise
}

/** Removes the socket of a host that died. One that answers, or a file that is no socket, stays. */
const clearStale = async (path: string): Promise<void> => {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new Failure('InvalidInput', `The socket's path is longer than ${MAX_SOCKET_PATH} bytes.`, {
      field: 'socket',
      limit: MAX_SOCKET_PATH,
    })
  }
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) return
  if (!found.isSocket())
    throw new Failure('Unavailable', `There is a file at ${path} that is no socket.`, { hint: 'Choose another with --socket.' })
  const answers = await new Promise<boolean>((resolve) => {
    const probe = connect(path)
      .once('connect', () => resolve(true))
      .once('error', () => resolve(false))
      .once('close', () => probe.destroy())
    probe.once('connect', () => probe.end())
  })
  if (!answers) rmSync(path, { force: true })
}
