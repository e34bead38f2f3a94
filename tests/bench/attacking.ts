import { connect, type Socket } from 'node:net'
import { constants, setPriority } from 'node:os'
import type { DID } from '@symbiosis/protocol'
import { JUNK } from '../attacks/junk.ts'
import { answering, tell } from './children.ts'
import { requestOf } from './exchange.ts'
import { now } from './world.ts'

/**
 * Attackers in a process of their own, at the lowest priority: what CPU they take is not what is measured. Asked `{ attack, url, clients }` it begins, asked
 * `{ seen: true }` it sends what came of it so far, and asked `{ end: true }` it ends and sends that.
 *
 * `slow`: a quarter of the clients connect and say nothing, one sends a head without an end, one a head and no body, one a body byte by byte. `junk`: each sends one
 * expensive message after the other, as soon as the last one was answered. Who is cut comes again after some seconds. `burn`: takes the given part of a core, and
 * talks to nobody.
 */
export interface Attack {
  readonly attack: 'slow' | 'junk' | 'burn'
  readonly url: string
  readonly clients: number
  /** Part of a core, for `burn`. */
  readonly part: number
}

/** Makes expensive messages for so many phases, so many of each kind: of those that a host has seen before it remembers much. */
export interface Make {
  readonly make: number
  readonly did: DID
  readonly ofEach: number
}

export interface Came {
  opened: number
  cut: number
  sent: number
  answered: number
  /** CPU microseconds of the attackers. */
  cpu: number
}

const HEADERS = { 'content-type': 'application/vnd.ipld.car', accept: 'application/vnd.ipld.car' }
const HEAD = `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: ${HEADERS['content-type']}\r\n`
/** Milliseconds until who was cut comes again, give or take a half, and until who dribbles sends the next bytes. */
const AGAIN = 5000
const NEXT = 1000
const DRIBBLES = 100

/** Expensive messages, of a phase each. */
const made: Uint8Array[][] = []
const sockets = new Set<Socket>()
/** Which attack is under way: who was cut in one doesn't come again in the next. */
let underway: Attack | undefined
let came: Came
const timers: NodeJS.Timeout[] = []

const client = (of: Attack, begin: (socket: Socket) => void): void => {
  if (underway !== of) return
  const { hostname, port } = new URL(of.url)
  const socket = connect(Number(port), hostname, () => {
    came.opened++
    begin(socket)
  })
  sockets.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => {
    sockets.delete(socket)
    if (underway !== of) return
    came.cut++
    setTimeout(() => client(of, begin), AGAIN * (0.5 + Math.random())).unref()
  })
}

const SLOW: readonly ((socket: Socket) => void)[] = [
  () => {},
  (socket) => socket.write(HEAD),
  (socket) => socket.write(`${HEAD}content-length: 1000\r\n\r\n`),
  (socket) => socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`),
]

const slow = (attack: Attack): void => {
  const dribbling = new Map<Socket, string>()
  for (let index = 0; index < attack.clients; index++) {
    const kind = index % SLOW.length
    client(attack, (socket) => {
      SLOW[kind]?.(socket)
      if (kind === 1) dribbling.set(socket, 'a: b\r\n')
      if (kind === 3) dribbling.set(socket, '1\r\nx\r\n')
      socket.once('close', () => dribbling.delete(socket))
    })
  }
  // Each once a second, but not all at the same moment.
  const dribble = () => {
    for (const [socket, bytes] of [...dribbling].slice(0, Math.ceil(dribbling.size / DRIBBLES))) {
      if (socket.writable) socket.write(bytes)
      dribbling.delete(socket)
      dribbling.set(socket, bytes)
    }
  }
  timers.push(setInterval(dribble, NEXT / DRIBBLES))
}

const junk = (attack: Attack): void => {
  const { host } = new URL(attack.url)
  const requests = (made.pop() ?? []).map((body) => requestOf(host, { headers: HEADERS, body }))
  let next = 0
  for (let index = 0; index < attack.clients; index++) {
    client(attack, (socket) => {
      const send = () => {
        came.sent++
        socket.write(requests[next++ % requests.length] as Uint8Array)
      }
      socket.on('data', (chunk) => {
        // Answers are small, and of more than one packet only where they hold many receipts.
        if (chunk.subarray(0, 5).toString('latin1') !== 'HTTP/') return
        came.answered++
        setImmediate(send)
      })
      send()
    })
  }
}

const burn = ({ part }: Attack): void => {
  timers.push(
    setInterval(() => {
      const until = performance.now() + part * 10
      while (performance.now() < until);
    }, 10),
  )
}

const BEGIN = { slow, junk, burn }

answering(async (asked: Make | Attack | { seen: true } | { end: true }): Promise<Came | object> => {
  if ('make' in asked) {
    const target = { host: asked.did, can: 'shelf/get', now: now() }
    for (let phase = 0; phase < asked.make; phase++) {
      const messages: Uint8Array[] = []
      for (let index = 0; index < asked.ofEach; index++) for (const make of Object.values(JUNK)) messages.push(await make(target))
      made.push(messages)
    }
    setPriority(constants.priority.PRIORITY_LOW)
    return {}
  }
  if ('attack' in asked) {
    underway = asked
    const { user, system } = process.cpuUsage()
    came = { opened: 0, cut: 0, sent: 0, answered: 0, cpu: -(user + system) }
    BEGIN[asked.attack](asked)
    return {}
  }
  if ('seen' in asked) return came
  underway = undefined
  for (const timer of timers.splice(0)) clearInterval(timer)
  for (const socket of sockets) socket.destroy()
  const { user, system } = process.cpuUsage()
  return { ...came, cpu: came.cpu + user + system }
})
tell({})
