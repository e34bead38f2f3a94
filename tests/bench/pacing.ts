import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { signerFromSeed } from '@symbiosis/protocol'
import { answering, tell } from './children.ts'
import { exchange, open, requestOf, send } from './exchange.ts'
import { CONNECTIONS } from './posts.ts'
import { callerOf, leaseFrom, messageOf } from './world.ts'

/**
 * Callers with leases in a process of their own, who call when they want to and not when the last call was answered: asked `{ seconds }` it makes so many calls a second
 * over connections that the host knows, every tenth of them one that is on disk before it is answered. It sends the milliseconds from when each should have
 * been sent until it was answered: who waits behind a slow one is slow, too. Some are made over new connections, evenly in between. Its argument is the seed of the
 * host in hexadecimal, by which the leases are made.
 */
export interface Paced {
  readonly url: string
  readonly seconds: number
  readonly perSecond: number
  readonly newcomers: number
}

export interface Latencies {
  readonly calls: number[]
  readonly newcomers: number[]
}

const HEADERS = { 'content-type': 'application/vnd.ipld.car', accept: 'application/vnd.ipld.car' }
const signer = signerFromSeed(Buffer.from(process.argv[2] ?? '', 'hex'))
const caller = await callerOf(signer.did, 1, leaseFrom(signer))

const make = async (host: string, can: string): Promise<Uint8Array> =>
  requestOf(host, { headers: HEADERS, body: await messageOf(caller, can) })

/** Connections on which a call was accepted. They stay open from one question to the next. */
const known: Socket[] = []

const getKnown = async (host: string): Promise<void> => {
  for (let index = known.length - 1; index >= 0; index--) if (known[index]?.destroyed) known.splice(index, 1)
  while (known.length < CONNECTIONS) {
    const socket = await open(host)
    socket.on('error', () => {})
    const status = await send(socket, await make(host, 'shelf/get')).catch(() => 0)
    if (status === 200) known.push(socket)
  }
}

const comeAnew = async (host: string, request: Uint8Array): Promise<number> => {
  const started = performance.now()
  for (;;) {
    try {
      const socket = await open(host)
      socket.on('error', () => {})
      const status = await send(socket, request)
      socket.destroy()
      if (status === 200) return performance.now() - started
    } catch {
      // Whoever is cut comes again.
    }
    await sleep(50)
  }
}

answering(async ({ url, seconds, perSecond, newcomers }: Paced): Promise<Latencies> => {
  const { host } = new URL(url)
  await getKnown(host)
  const requests: Uint8Array[] = []
  for (let index = 0; index < seconds * perSecond; index++) requests.push(await make(host, index % 10 === 5 ? 'shelf/put' : 'shelf/get'))
  const everySo = Math.ceil(requests.length / newcomers)
  const expected = requests.length - Math.floor(requests.length / everySo)
  const free = [...known]
  const due: { at: number; request: Uint8Array }[] = []
  const calls: number[] = []
  const started = performance.now()
  const finished = Promise.withResolvers<void>()
  const next = () => {
    while (free.length > 0 && due.length > 0) {
      const socket = free.pop() as Socket
      const { at, request } = due.shift() as (typeof due)[number]
      exchange(socket, request).then(() => {
        calls.push(performance.now() - at)
        free.unshift(socket)
        if (calls.length === expected) finished.resolve()
        else next()
      }, finished.reject)
    }
  }
  const latecomers: Promise<number>[] = []
  for (let index = 0; index < requests.length; index++) {
    const at = started + (index * 1000) / perSecond
    const wait = at - performance.now()
    if (wait > 0) await sleep(wait)
    const request = requests[index] as Uint8Array
    if (index % everySo === everySo - 1) latecomers.push(comeAnew(host, request))
    // A timer may come early.
    else due.push({ at: Math.min(at, performance.now()), request })
    next()
  }
  await finished.promise
  return { calls, newcomers: await Promise.all(latecomers) }
})
tell({})
