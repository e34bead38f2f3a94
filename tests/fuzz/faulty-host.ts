import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Costs } from './costs.ts'
import type { Asked, Told } from './process.ts'

/** A process in which everything is wrong that the fuzzer looks for, by turns: what it does not find here it would find nowhere. */
const tell = (told: Told): void => void process.send?.(told)
const costs = new Costs(Number(process.argv[3]), (costly) => tell({ kind: 'costly', ...costly }))
process.on('unhandledRejection', (reason) => tell({ kind: 'finding', what: 'unhandledRejection', text: String(reason) }))

const FILLING = new Uint8Array(100_000)

type Fault = (response: ServerResponse, request: IncomingMessage) => void

const refuse = (response: ServerResponse, status: number, error: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
}

const FAULTS: readonly Fault[] = [
  (response) => refuse(response, 400, { name: 'Malformed', message: `${new Error('told in full').stack}` }),
  (response) => void response.writeHead(500).end('Internal Server Error'),
  (response) => refuse(response, 400, { name: 'Oops', message: 'in no list' }),
  (response) => refuse(response, 500, { name: 'Internal', message: 'typed, and a mistake' }),
  (response) => void response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' }).end('no receipts'),
  (_, request) => void request.socket.destroy(),
  (response) => {
    const { user } = process.threadCpuUsage()
    while (process.threadCpuUsage().user < user + 60_000) createHash('sha256').update(FILLING).digest()
    refuse(response, 400, { name: 'Malformed', message: 'at last' })
  },
  (response) => {
    void Promise.reject(new Error('nobody listens'))
    refuse(response, 400, { name: 'Malformed', message: 'as it should be' })
  },
]

// What never comes whole is not waited for.
const impatient = { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 100 }
const server = createServer(impatient, (request, response) => {
  request.resume()
  // By its name, so that who sends a case again meets the same.
  const fault = FAULTS[Math.max(0, Number(request.headers['x-case'])) % FAULTS.length] ?? FAULTS[0]
  fault?.(response, request)
})

const memory = () => ({ rss: process.memoryUsage.rss(), heapUsed: 0 })
process.on('message', (asked: Asked) => {
  if (asked === 'end') process.exit()
  tell(asked === 'last' ? { kind: 'last', ms: costs.last } : { kind: 'figures', ...costs.figures(), ...memory() })
})
process.once('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  tell({ kind: 'ready', ports: [port, port], ...memory() })
})
