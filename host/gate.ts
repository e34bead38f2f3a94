import { Failure, finish, type Gate as GateOfChannel, type Steps, type Ucan } from '@symbiosis/protocol'
import { Bucket, Buckets, type Rate } from './rate.ts'

export interface GateOptions {
  /** Milliseconds of the host's time that a connection may cost, beyond calls that were accepted. */
  connection: Rate
  /** Signatures of proofs that are checked for one issuer, beyond those that are remembered. */
  issuer: Rate
  /** Issuers whose rates are kept. */
  maxIssuers: number
  /** The part of its time that the host gives to strangers while there are others. */
  share: number
  /** Milliseconds of a stranger's work at a time. */
  slice: number
  /** Connections of strangers; beyond that the oldest one that waits for nothing is cut. */
  maxStrangers: number
  /** Bytes of a message that any stranger may send at once. */
  smallBytes: number
  /** Strangers' messages beyond that size that are read at a time. */
  maxLarge: number
  /** Seconds that a stranger is kept waiting before it is told to come back. */
  patience: number
}

export const GATE_OPTIONS: GateOptions = {
  connection: { burst: 250, perSecond: 50 },
  issuer: { burst: 1024, perSecond: 128 },
  maxIssuers: 10_000,
  share: 0.1,
  slice: 1,
  maxStrangers: 1024,
  smallBytes: 64 * 1024,
  maxLarge: 8,
  patience: 30,
}

/** What any request costs beside what is measured: parsing its head, reading, answering. In milliseconds. */
const REQUEST_COST = 0.2
/** Milliseconds for which there are others after the last of their calls. */
const BUSY = 1000

interface Connection {
  destroy(): unknown
}

interface Visitor {
  readonly connection: Connection
  readonly bucket: Bucket
  /** Whether its last calls were accepted. */
  proven: boolean
  /** Requests under way. */
  inside: number
  /** Whether it was told to come back later. */
  told: boolean
  /** Bytes of its message that came. */
  bytes: number
  /** Milliseconds spent on it since it was last judged. */
  unjudged: number
  gone: boolean
  /** Ends what it waits for. */
  wake?: () => void
}

interface Waiting {
  readonly visitor: Visitor
  run(): boolean
  giveUp(reason: Failure): void
}

/**
 * Keeps strangers from using up the host. Whoever has just had a leased or an operator's call accepted passes freely; everybody else is a stranger
 * and takes turns with the others: one request at a time, a slice of work at a time, the one who cost least first, in a small part of the host's time
 * as long as there are callers with leases. A connection in debt is told so once, and then is not read until the debt is paid: who is refused at once
 * comes back at once, and answering costs more than waiting.
 *
 * Why by connection, and not by address or issuer? All who come through a proxy share an address. And an issuer is a mere claim until the signature is
 * checked: a stranger could use up anybody's rate by naming them. So what precedes the signature is charged to the connection alone, and only
 * an issuer that signed is charged, for proofs that it named under that signature and that nobody has checked before. Whoever repeats another's calls
 * costs them nothing: their proofs are remembered by then.
 */
export class Gate implements GateOfChannel {
  readonly #options: GateOptions
  readonly #clock: () => number
  readonly #visitors = new WeakMap<object, Visitor>()
  /** Strangers who wait for nothing, the oldest first. */
  readonly #idle = new Set<Visitor>()
  readonly #busy = new Set<Visitor>()
  readonly #issuers: Buckets
  readonly #queue = new Set<Waiting>()
  readonly #large = new Set<Visitor>()
  readonly #toBeLarge = new Map<Visitor, () => void>()
  #scheduled = false
  #closed = false
  #restsUntil = 0
  #lastProven = Number.NEGATIVE_INFINITY

  /** `clock` counts milliseconds and never goes back. */
  constructor(options: Partial<GateOptions> = {}, clock: () => number = () => performance.now()) {
    this.#options = { ...GATE_OPTIONS, ...options }
    this.#clock = clock
    this.#issuers = new Buckets(this.#options.issuer, this.#options.maxIssuers)
  }

  /** Connections of strangers. */
  get strangers(): number {
    return this.#idle.size + this.#busy.size
  }

  /** A connection was made: a stranger's, until it proves otherwise. */
  opened(connection: Connection): void {
    this.#idle.add(this.#visitor(connection))
    if (this.strangers <= this.#options.maxStrangers) return
    const [oldest] = this.#idle.size > 0 ? this.#idle : this.#busy
    if (oldest) this.#cut(oldest)
  }

  closed(connection: Connection): void {
    const visitor = this.#visitor(connection)
    visitor.gone = true
    this.#idle.delete(visitor)
    this.#busy.delete(visitor)
    this.#settle(visitor)
    for (const waiting of this.#queue)
      if (waiting.visitor === visitor) this.#drop(waiting, new Failure('Cancelled', 'The caller has left.'))
  }

  enter(connection: object): Promise<void> | undefined {
    const visitor = this.#visitor(connection as Connection)
    visitor.inside++
    if (visitor.proven) return undefined
    if (visitor.inside > 1) {
      // Nobody who pipelines waits for answers: that's done to have much parsed at once.
      this.#cut(visitor)
      throw this.#limited(this.#options.patience)
    }
    if (this.#idle.delete(visitor)) this.#busy.add(visitor)
    const now = this.#clock()
    visitor.bucket.spend(REQUEST_COST, this.#options.connection, now)
    const wait = visitor.bucket.wait(this.#options.connection, now)
    if (wait === 0) return undefined
    visitor.told = !visitor.told
    if (visitor.told) throw this.#limited(wait)
    return this.#hold(visitor, wait)
  }

  received(connection: object, bytes: number): Promise<void> | undefined {
    const visitor = this.#visitor(connection as Connection)
    visitor.bytes += bytes
    if (visitor.proven || visitor.bytes <= this.#options.smallBytes || this.#large.has(visitor)) return undefined
    if (this.#large.size < this.#options.maxLarge) {
      this.#large.add(visitor)
      return undefined
    }
    return new Promise((resolve) => this.#toBeLarge.set(visitor, resolve))
  }

  leave(connection: object): void {
    const visitor = this.#visitor(connection as Connection)
    visitor.inside--
    if (visitor.inside > 0) return
    if (this.#busy.delete(visitor)) this.#idle.add(visitor)
    this.#settle(visitor)
  }

  /** Does the work that a message asks for: at once for those who are proven, in turns for strangers. */
  run<T>(connection: object | undefined, steps: Steps<T>): Promise<T> | T {
    if (!connection) return finish(steps)
    const visitor = this.#visitor(connection as Connection)
    if (!visitor.proven) return this.#inTurns(visitor, steps)
    const started = this.#clock()
    try {
      return finish(steps)
    } finally {
      this.#lastProven = this.#clock()
      visitor.unjudged += this.#lastProven - started
    }
  }

  /** What came of a message: `true` where it was allowed by a lease or as an operator's, `false` where something of it was refused. */
  judge(connection: object | undefined, allowed: boolean | undefined): void {
    if (!connection || allowed === undefined) return
    const visitor = this.#visitor(connection as Connection)
    const now = this.#clock()
    const { connection: rate } = this.#options
    // What strangers cost is charged as it is spent.
    if (!allowed && visitor.proven) visitor.bucket.spend(visitor.unjudged + REQUEST_COST, rate, now)
    visitor.unjudged = 0
    const solvent = visitor.bucket.wait(rate, now) === 0
    if (visitor.proven && !solvent && !visitor.gone) this.#busy.add(visitor)
    if (!visitor.proven && allowed && solvent) {
      this.#idle.delete(visitor)
      this.#busy.delete(visitor)
      this.#settle(visitor)
    }
    visitor.proven = solvent && (visitor.proven || allowed)
  }

  /**
   * Who pays for the checks of an invocation's proofs, where it came over a connection: its issuer, as soon as that is proven.
   * @throws Failure RateLimited, by the function that it gives
   */
  payer(connection: object | undefined, invocation: Ucan): ((ucan: Ucan) => void) | undefined {
    if (!connection) return undefined
    return (ucan) => {
      if (ucan === invocation) return
      const wait = this.#issuers.take(invocation.issuer, this.#clock())
      if (wait > 0) throw this.#limited(wait, 'issuer')
    }
  }

  /** Lets all go who wait. */
  close(): void {
    this.#closed = true
    for (const waiting of this.#queue) this.#drop(waiting, new Failure('Unavailable', 'The host is shutting down.', { retryAfter: 5 }))
    for (const visitor of this.#busy) visitor.wake?.()
  }

  #visitor(connection: Connection): Visitor {
    let visitor = this.#visitors.get(connection)
    if (!visitor) {
      const bucket = new Bucket(this.#options.connection, this.#clock())
      visitor = { connection, bucket, proven: false, inside: 0, told: false, bytes: 0, unjudged: 0, gone: false }
      this.#visitors.set(connection, visitor)
    }
    return visitor
  }

  async #hold(visitor: Visitor, wait: number): Promise<void> {
    await new Promise<void>((resolve) => {
      visitor.wake = resolve
      setTimeout(resolve, Math.min(wait, this.#options.patience) * 1000).unref()
    })
    delete visitor.wake
    const left = visitor.bucket.wait(this.#options.connection, this.#clock())
    if (left > 0) throw this.#limited(left)
  }

  #inTurns<T>(visitor: Visitor, steps: Steps<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        const started = this.#clock()
        try {
          do {
            const { done, value } = steps.next()
            if (!done) continue
            resolve(value)
            return true
          } while (this.#clock() - started < this.#options.slice)
          return false
        } catch (thrown) {
          reject(thrown)
          return true
        }
      }
      this.#queue.add({ visitor, run, giveUp: reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#queue.size === 0) return
    this.#scheduled = true
    const rest = this.#restsUntil - this.#clock()
    if (rest > 0) setTimeout(this.#turn, rest)
    else setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    const started = this.#clock()
    const waiting = this.#next(started)
    if (!waiting) return
    if (waiting.run()) this.#queue.delete(waiting)
    const now = this.#clock()
    waiting.visitor.bucket.spend(now - started, this.#options.connection, now)
    const { share } = this.#options
    if (now - this.#lastProven < BUSY) this.#restsUntil = now + (now - started) * (1 / share - 1)
    this.#schedule()
  }

  /** Whoever cost least comes first: who hammers waits behind all who don't. */
  #next(now: number): Waiting | undefined {
    let next: Waiting | undefined
    let most = Number.NEGATIVE_INFINITY
    for (const waiting of this.#queue) {
      const level = waiting.visitor.bucket.level(this.#options.connection, now)
      if (level <= most) continue
      most = level
      next = waiting
    }
    return next
  }

  #drop(waiting: Waiting, reason: Failure): void {
    this.#queue.delete(waiting)
    waiting.giveUp(reason)
  }

  /** Gives back what a message held. */
  #settle(visitor: Visitor): void {
    visitor.bytes = 0
    visitor.wake?.()
    this.#toBeLarge.get(visitor)?.()
    this.#toBeLarge.delete(visitor)
    if (!this.#large.delete(visitor)) return
    const [next] = this.#toBeLarge
    if (!next) return
    this.#toBeLarge.delete(next[0])
    this.#large.add(next[0])
    next[1]()
  }

  #cut(visitor: Visitor): void {
    this.#idle.delete(visitor)
    this.#busy.delete(visitor)
    visitor.connection.destroy()
  }

  #limited(retryAfter: number, field = 'connection'): Failure {
    return new Failure('RateLimited', `This ${field} has asked for more than its share.`, {
      field,
      retryAfter: Math.ceil(retryAfter * 1000) / 1000,
      hint: 'Wait, and then ask for less.',
    })
  }
}
