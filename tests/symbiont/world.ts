import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allow, type Consent, Host, openLog } from '@symbiosis/host'
import {
  ability,
  bytes,
  type Door,
  Failure,
  inProcessChannel,
  int,
  limit,
  list,
  optional,
  provide,
  service,
  streamFrom,
  struct,
  text,
} from '@symbiosis/protocol'
import { type Connect, memoryWallet, Symbiont, type SymbiontOptions, type Wallet } from '@symbiosis/symbiont'

/** A service with one ability of each kind. */
export const shelf = service('shelf', {
  rev: 1,
  about: 'Keeps things on a shelf',
  limits: { bytes: limit.max('bytes on the shelf', { unit: 'bytes', default: 1000 }) },
  abilities: {
    put: ability({
      about: 'Puts a thing on the shelf',
      nb: struct({ name: text(), size: optional(int()) }),
      ok: struct({ things: int() }),
      errors: { Taken: struct({ by: text() }) },
      effect: 'idempotent',
    }),
    list: ability({ about: 'Lists the things', nb: struct({}), ok: struct({ things: list(text()) }), effect: 'read' }),
    ring: ability({ about: 'Rings a bell, once', nb: struct({}), ok: struct({ at: text() }), effect: 'once' }),
    fill: ability({ about: 'Takes bytes', nb: struct({}), ok: struct({ bytes: int() }), effect: 'idempotent', stream: 'in' }),
    pour: ability({ about: 'Gives bytes', nb: struct({ bytes: int() }), ok: struct({ bytes: int() }), effect: 'read', stream: 'out' }),
    weigh: ability({ about: 'Weighs what is sent', nb: struct({ thing: bytes() }), ok: struct({ grams: int() }), effect: 'read' }),
  },
})

const shelfService = (name: string) =>
  provide(shelf, {
    async put({ name: thing, size = 1 }, { commit, fail }) {
      if (thing === 'taken') return fail('Taken', { by: 'bob' })
      return commit(async (tx) => {
        if (!(await tx.get(thing))) await tx.reserve({ bytes: size })
        await tx.put(thing, size)
        return { things: (await tx.list()).length }
      })
    },
    list: async (_, context) => ({ things: (await context.list()).map(({ key }) => key) }),
    ring: (_, { commit }) => commit(async () => ({ at: name })),
    async fill(_, { body }) {
      let length = 0
      for await (const chunk of body) length += chunk.length
      return { bytes: length }
    },
    pour: ({ bytes: length }) => ({ ok: { bytes: length }, body: streamFrom(zeros(length)) }),
    weigh: ({ thing }) => ({ grams: thing.length }),
  })

async function* zeros(length: number): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(length)
}

const noEngine = { collect: async () => ({ kept: 0, removed: 0, bytes: 0 }), stats: () => ({ blocks: 0, bytes: 0 }), close: async () => {} }

/** Hosts and devices around one clock and one network, in this process. */
export class World implements AsyncDisposable {
  /** Unix seconds. */
  time = 1_800_000_000
  readonly #places = new Map<string, { door: Door; did: string; name: string }>()
  readonly #down = new Set<string>()
  readonly #hosts: Host[] = []
  readonly #symbionts: Symbiont[] = []
  readonly #folders: string[] = []
  /** Every message that reached a host, by its address. */
  readonly calls: string[] = []

  readonly now = () => this.time

  readonly connect: Connect = (url) => {
    const place = this.#places.get(url)
    const reach = () => {
      if (!place || this.#down.has(url)) throw new Failure('Unavailable', `The host at ${url} can't be reached: down.`)
      this.calls.push(url)
      return place
    }
    const channel = inProcessChannel((call) => reach().door(call))
    // As on a wire, nothing is asked of a host before the call is under way.
    const later = async <T>(send: () => Promise<T>): Promise<T> => send()
    return {
      channel: { url, request: (...call) => later(() => channel.request(...call)), open: (...call) => later(() => channel.open(...call)) },
      about: async () => ({ did: reach().did, name: place?.name }),
    }
  }

  async host(
    name: string,
    { consent = allow, url = `http://${name}.test/`, ...options }: { consent?: Consent; url?: string; leaseTtl?: number } = {},
  ): Promise<Host> {
    const host = await Host.open({
      dir: this.folder(),
      name,
      engine: noEngine,
      services: () => [shelfService(name)],
      consent,
      now: this.now,
      log: openLog({ level: 'silent' }),
      waitHold: 0.05,
      ...options,
    })
    this.#hosts.push(host)
    this.place(url, host)
    return host
  }

  /** Puts whatever answers like a host at an address. */
  place(url: string, { door, did, name }: { door: Door; did: string; name: string }): void {
    this.#places.set(url, { door, did, name })
  }

  async symbiont(wallet: Wallet = memoryWallet(), options: Partial<SymbiontOptions> = {}): Promise<Symbiont> {
    const symbiont = await Symbiont.open({ wallet, connect: this.connect, now: this.now, name: 'tests', ...options })
    this.#symbionts.push(symbiont)
    return symbiont
  }

  /** A device with a space, paired with hosts that lease it the shelf. */
  async owner(...hosts: string[]): Promise<Symbiont> {
    const symbiont = await this.symbiont()
    await symbiont.createSpace()
    for (const name of hosts) {
      await symbiont.pair(`http://${name}.test/`)
      await symbiont.request({ shelf: {} }, { host: name })
    }
    return symbiont
  }

  down(name: string): void {
    this.#down.add(`http://${name}.test/`)
  }

  up(name: string): void {
    this.#down.delete(`http://${name}.test/`)
  }

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'symbiont-'))
    this.#folders.push(folder)
    return folder
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const symbiont of this.#symbionts) await symbiont.close()
    for (const host of this.#hosts) await host.close()
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true })
  }
}

/** What a refusal says, to compare codes: `{ name, ... }`. */
export const refused = async (
  work: Promise<unknown> | (() => unknown),
): Promise<{ name: string; message: string; hint?: string; [detail: string]: unknown }> => {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.toRefusal()
    throw thrown
  }
  throw new Error('It was not refused.')
}
