import { Failure, finish, type Gate as GateOfChannel, type Steps, type Ucan } from '@symbiosis/protocol'
import { Places } from './places.ts'
import { Buckets, type Rate } from './rate.ts'
import { type TurnOptions, Turns } from './turns.ts'
import { type Connection, REQUEST_COST, Visitor } from './visitor.ts'

/** What strangers may take of a host. */
export interface GateOptions extends TurnOptions {
  /** Milliseconds of the host's time that a connection may cost, beyond calls that were accepted. */
  connection: Rate
  /** Signatures of proofs that are checked for one issuer, beyond those that are remembered. */
  issuer: Rate
  /** Issuers whose rates are kept. */
  maxIssuers: number
  /** Connections of strangers; beyond that the oldest one is cut, of those that wait for nothing if there are any. */
  maxStrangers: number
  /** Bytes of a message that any stranger may send at once. */
  smallBytes: number
  /** Strangers' messages beyond that size that are read at a time. */
  maxLarge: number
}

/** What strangers may take of a host, unless told. */
export const GATE_OPTIONS: GateOptions = {
  connection: { burst: 250, perSecond: 50 },
  issuer: { burst: 1024, perSecond: 128 },
  maxIssuers: 10_000,
  share: 0.1,
  slice: 1,
  maxStrangers: 1024,
  smallBytes: 32 * 1024,
  maxLarge: 8,
  patience: 30,
}

/** What came of a message: `true` where it was allowed by a lease or as an operator's, `false` where something of it was refused. */
type Verdict = boolean | undefined

interface Judging<T> {
  /** What came of it decides who passes freely from then on. */
  judge?(value: T): Verdict
  /** Whether it looks as if it came from somebody known: then a stranger's turn comes before others'. */
  familiar?(): boolean
}

/**
 * Keeps strangers from using up the host. Whoever has just had a leased or an operator's call accepted passes freely; everybody else is a stranger
 * and gets no answer but in its turn: one request at a time, a slice of work at a time, in a small part of the host's time as long as there are callers
 * with leases. A connection in debt is told so once, and then is not read until the debt is paid: who is refused at once comes back at once, and
 * answering costs more than waiting.
 *
 * Why by connection, and not by address or issuer? All who come through a proxy share an address. And an issuer is a mere claim until the signature is
 * checked: a stranger could use up anybody's rate by naming them. So what precedes the signature is charged to the connection alone, and only
 * an issuer that signed is charged, for proofs that it named under that signature and that nobody has checked before. Whoever repeats another's calls
 * costs them nothing: their proofs are remembered by then.
 */
export class Gate implements GateOfChannel {
  readonly #options: GateOptions
  readonly #clock: () => number
  /** Where a connection has its visitor. In a WeakMap, thousands that come and go would each be looked at by every collection of garbage. */
  readonly #mark = Symbol('visitor')
  /** Strangers who wait for nothing, and those who do, the oldest first. */
  readonly #idle = new Set<Visitor>()
  readonly #busy = new Set<Visitor>()
  readonly #issuers: Buckets
  readonly #turns: Turns
  readonly #large: Places<Visitor>
  #closed = false

  /** Both count milliseconds and never go back: see `Turns`. */
  constructor(options: Partial<GateOptions> = {}, clock: () => number = () => performance.now(), spent: () => number = clock) {
    this.#options = { ...GATE_OPTIONS, ...options }
    this.#clock = clock
    this.#issuers = new Buckets(this.#options.issuer, this.#options.maxIssuers)
    this.#turns = new Turns(this.#options, clock, spent)
    this.#large = new Places(this.#options.maxLarge)
  }

  /** Connections of strangers. */
  get strangers(): number {
    return this.#idle.size + this.#busy.size
  }

  /** A connection was made: a stranger's, until it proves otherwise. */
  opened(connection: Connection): void {
    const visitor = this.#visitor(connection)
    // Room is made before it is counted: else one who has just come were the first to go where all others wait for something.
    if (this.strangers >= this.#options.maxStrangers) {
      const [oldest] = this.#idle.size > 0 ? this.#idle : this.#busy
      if (oldest) this.#cut(oldest)
    }
    this.#idle.add(visitor)
  }

  closed(connection: Connection): void {
    const visitor = this.#visitor(connection)
    visitor.gone = true
    this.#forget(visitor)
    if (visitor.inside > 0) this.#turns.drop(visitor, hasLeft())
  }

  enter(connection: object): Promise<void> | undefined {
    const visitor = this.#visitor(connection as Connection)
    visitor.inside++
    visitor.served = visitor.proven
    if (visitor.proven) return undefined
    if (visitor.inside > 1) {
      // Nobody who pipelines waits for answers: that's done to have much parsed at once.
      this.#cut(visitor)
      throw limited(this.#options.patience)
    }
    if (this.#idle.delete(visitor)) this.#busy.add(visitor)
    visitor.spend(REQUEST_COST)
    const wait = visitor.debt
    if (wait > 0 && visitor.told) return this.#hold(visitor, wait)
    visitor.told = wait > 0
    if (wait > 0) throw limited(wait)
  }

  received(connection: object, bytes: number): Promise<void> | undefined {
    const visitor = this.#visitor(connection as Connection)
    visitor.bytes += bytes
    if (visitor.proven || visitor.gone || visitor.bytes <= this.#options.smallBytes) return undefined
    return this.#large.take(visitor)
  }

  turn(connection: object): Promise<void> | undefined {
    const visitor = this.#visitor(connection as Connection)
    return visitor.served ? undefined : this.#inTurns(visitor, nothing())
  }

  leave(connection: object): void {
    const visitor = this.#visitor(connection as Connection)
    visitor.inside--
    if (visitor.inside > 0) return
    if (this.#busy.delete(visitor)) this.#idle.add(visitor)
    this.#settle(visitor)
  }

  /** Does the work that a message asks for, as soon as it may be done. */
  run<T>(connection: object | undefined, steps: Steps<T>, { judge = () => undefined, familiar }: Judging<T> = {}): Promise<T> | T {
    if (!connection) return finish(steps)
    const visitor = this.#visitor(connection as Connection)
    if (visitor.proven) return this.#freely(visitor, steps, judge)
    return this.#inTurns(visitor, steps, familiar?.()).then(
      (value) => {
        this.#judge(visitor, judge(value))
        return value
      },
      (thrown) => {
        this.#judge(visitor, false)
        throw thrown
      },
    )
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
      if (wait > 0) throw limited(wait, 'issuer')
    }
  }

  /** Lets all go who wait. */
  close(): void {
    this.#closed = true
    this.#turns.dropAll(new Failure('Unavailable', 'The host is shutting down.', { retryAfter: 5 }))
    for (const visitor of this.#busy) visitor.wake?.()
  }

  #visitor(connection: Connection): Visitor {
    const marked = connection as Connection & { [mark: symbol]: Visitor }
    marked[this.#mark] ??= new Visitor(connection, this.#options.connection, this.#clock)
    return marked[this.#mark] as Visitor
  }

  async #hold(visitor: Visitor, wait: number): Promise<void> {
    if (!this.#closed) await visitor.sleep(Math.min(wait, this.#options.patience))
    const left = visitor.debt
    if (left > 0) throw limited(left)
  }

  /** Who has left gets no turn: a flood that is over would go on costing the next strangers theirs. */
  #inTurns<T>(visitor: Visitor, steps: Steps<T>, ahead = false): Promise<T> {
    if (visitor.gone) return Promise.reject(hasLeft())
    const more = visitor.served ? 0 : REQUEST_COST
    visitor.served = true
    return this.#turns.take(visitor, steps, { more, ahead })
  }

  /** At once, but letting others in between where it takes long: one who has a lease can send what is expensive, too. */
  #freely<T>(visitor: Visitor, steps: Steps<T>, judge: (value: T) => Verdict): Promise<T> | T {
    let cost = 0
    const slice = (): { value: T } | undefined => {
      const started = this.#clock()
      const account = (verdict?: Verdict) => {
        const now = this.#clock()
        cost += now - started
        this.#turns.served(now)
        this.#judge(visitor, verdict, cost)
      }
      try {
        do {
          const { done, value } = steps.next()
          if (!done) continue
          account(judge(value))
          return { value }
        } while (this.#clock() - started < this.#options.slice)
      } catch (thrown) {
        account(false)
        throw thrown
      }
      account()
      return undefined
    }
    const first = slice()
    return first ? first.value : new Promise((resolve, reject) => this.#goOn(slice, resolve, reject))
  }

  #goOn<T>(slice: () => { value: T } | undefined, resolve: (value: T) => void, reject: (thrown: unknown) => void): void {
    setImmediate(() => {
      try {
        const last = slice()
        if (last) resolve(last.value)
        else this.#goOn(slice, resolve, reject)
      } catch (thrown) {
        reject(thrown)
      }
    })
  }

  /** What strangers cost is charged as it is spent; what the others cost only where it was refused. */
  #judge(visitor: Visitor, verdict: Verdict, cost = 0): void {
    if (verdict === undefined) return
    if (!verdict && visitor.proven) visitor.spend(cost + REQUEST_COST)
    const solvent = visitor.debt === 0
    if (visitor.proven && !solvent && !visitor.gone) this.#busy.add(visitor)
    if (!visitor.proven && verdict && solvent) this.#forget(visitor)
    visitor.proven = solvent && (visitor.proven || verdict)
  }

  #forget(visitor: Visitor): void {
    this.#idle.delete(visitor)
    this.#busy.delete(visitor)
    this.#settle(visitor)
  }

  /** Gives back what a message held. */
  #settle(visitor: Visitor): void {
    visitor.bytes = 0
    visitor.wake?.()
    this.#large.leave(visitor)
  }

  #cut(visitor: Visitor): void {
    this.#idle.delete(visitor)
    this.#busy.delete(visitor)
    visitor.connection.destroy()
  }
}

function* nothing(): Steps<void> {}

const hasLeft = (): Failure => new Failure('Cancelled', 'The caller has left.')

const limited = (retryAfter: number, field = 'connection'): Failure =>
  new Failure('RateLimited', `This ${field} has asked for more than its share.`, {
    field,
    retryAfter: Math.ceil(retryAfter * 1000) / 1000,
    hint: 'Wait, and then ask for less.',
  })
