import assert from 'node:assert/strict'
import {
  type Ability,
  type Amounts,
  canOf,
  decode,
  decodeReceipts,
  encode,
  encodeInvocations,
  Failure,
  issueUcan,
  nonce,
  type OpenService,
  readReceipt,
  type Ucan,
  ucansOf,
} from '@symbiosis/protocol'
import { contractOf, describeService } from '@symbiosis/protocol/manifest'
import { type Guest, type Sample, ServiceHost, type Surroundings, type Told } from './guests.ts'
import { folders, type Runner } from './runner.ts'

/** A service under test. */
export interface ServiceSetup extends Surroundings {
  /** Opens it: the default export of its `./host`. */
  open: OpenService
  /**
   * Calls that work for a new space, in this order: one at least of each ability, and one for each declared error. They have to work again for the
   * next space, whatever the one before did.
   */
  samples: readonly Sample[]
}

/** What every service does. Run it on yours: `runServiceTests(runner, 'thumbs', { open, samples })`. */
export const runServiceTests = (runner: Runner, name: string, { open, samples, ...surroundings }: ServiceSetup): void => {
  const { describe, it, beforeEach, afterEach } = runner
  describe(`a service: ${name}`, () => {
    const folder = folders(runner)
    let host: ServiceHost
    beforeEach(async () => {
      host = new ServiceHost(folder(), open, surroundings)
      await host.start()
    })
    afterEach(() => host?.close())

    const abilityOf = ({ ability }: Sample) => host.provided.service.abilities[ability] as Ability
    const all = async (guest: Guest): Promise<Told[]> => {
      const told: Told[] = []
      for (const sample of samples) told.push(await guest.call(sample))
      return told
    }
    /** What is the same each time. */
    const steady = ({ varies = [] }: Sample, { out, bytes }: Told) => ({
      out: out.error
        ? { error: out.error.name }
        : { ok: Object.fromEntries(Object.entries(out.ok).filter(([field]) => !varies.includes(field))) },
      ...(bytes && varies.length === 0 && { bytes: bytes.length }),
    })
    const codeOf = async (answer: Promise<Told>): Promise<string> => {
      try {
        return (await answer).out.error?.name ?? 'ok'
      } catch (thrown) {
        if (thrown instanceof Failure) return thrown.name
        throw thrown
      }
    }
    /** What is held of each limit after all samples up to one, and the most that was at any time. */
    const heldBy = (upTo: number): { held: Record<string, number>; most: Record<string, number> } => {
      const held: Record<string, number> = {}
      const most: Record<string, number> = {}
      for (const { uses = {} } of samples.slice(0, upTo + 1)) {
        for (const [limit, amount] of Object.entries(uses)) {
          held[limit] = (held[limit] ?? 0) + amount
          most[limit] = Math.max(most[limit] ?? 0, held[limit])
        }
      }
      return { held, most }
    }

    it('has a contract of plain data, with a sentence for each thing that an owner is asked', () => {
      const { service } = host.provided
      const described = describeService(service)
      assert.deepEqual(decode(encode(described as never)), described)
      assert.deepEqual(describeService(contractOf(described)), described)
      for (const { about } of [service, ...Object.values(service.abilities), ...Object.values(service.limits)])
        assert.notEqual(about.trim(), '')
    })

    it('has a sample of each of its abilities and declared errors', () => {
      for (const [ability, { errors }] of Object.entries(host.provided.service.abilities)) {
        const mine = samples.filter((sample) => sample.ability === ability)
        assert.ok(mine.some(({ error }) => !error) || Object.keys(errors).length > 0, `there is no sample of ${ability}`)
        for (const error of Object.keys(errors))
          assert.ok(
            mine.some((sample) => sample.error === error),
            `no sample of ${ability} fails with ${error}`,
          )
      }
    })

    it('answers its samples as its contract says', async () => {
      for (const [at, { out }] of (await all(await host.guest())).entries()) {
        const { ability, error } = samples[at] as Sample
        assert.equal(out.error?.name, error, `${ability}: ${out.error?.message}`)
      }
    })

    it('answers a second space as it answered the first', async () => {
      const [first, second] = [await all(await host.guest()), await all(await host.guest())]
      for (const [at, sample] of samples.entries())
        assert.deepEqual(steady(sample, second[at] as Told), steady(sample, first[at] as Told), sample.ability)
    })

    it('tells a space nothing of what others keep', async () => {
      const reads = samples.filter((sample) => !sample.shared && abilityOf(sample).effect === 'read')
      const toldTo = async (guest: Guest) => {
        const told = []
        for (const sample of reads) told.push([sample.ability, steady(sample, await guest.call(sample))])
        return told
      }
      const before = await toldTo(await host.guest())
      await all(await host.guest())
      assert.deepEqual(await toldTo(await host.guest()), before)
    })

    it('answers nobody without a lease, and lets nobody but operators do what is for operators', async () => {
      const { service } = host.provided
      const guest = (await host.guest()).bare
      for (const sample of samples) {
        const { authority } = abilityOf(sample)
        if (authority === 'leased') assert.equal(await codeOf(guest.call(sample)), 'NoLease', sample.ability)
        if (authority !== 'operator') continue
        const out = await sendAs(host, await host.guest(), canOf(service.id, sample.ability), sample.nb ?? {})
        assert.equal(out.error?.name, 'NotOwner', sample.ability)
      }
    })

    it('has no input that is more than the contract says', async () => {
      const { service } = host.provided
      const guest = await host.guest()
      for (const sample of samples) {
        if (abilityOf(sample).authority === 'operator') continue
        const out = await sendAs(host, guest, canOf(service.id, sample.ability), { ...sample.nb, '-': 1 })
        assert.deepEqual([out.error?.name, out.error?.field], ['InvalidInput', '-'], sample.ability)
      }
    })

    it('holds to the limits of a lease, to the last unit', async () => {
      for (const [at, { ability, uses = {} }] of samples.entries()) {
        const { held, most } = heldBy(at)
        // Where more was held before, a lease that ends here would have stopped an earlier call.
        for (const limit of Object.keys(uses).filter((name) => (uses[name] as number) > 0 && held[name] === most[name])) {
          const codes = async (amounts: Amounts) => {
            const guest = await host.guest(amounts)
            for (const before of samples.slice(0, at)) await guest.call(before)
            return codeOf(guest.call(samples[at] as Sample))
          }
          assert.equal(await codes({ [limit]: most[limit] as number }), 'ok', `${ability} takes more of ${limit} than its sample says`)
          assert.equal(await codes({ [limit]: (most[limit] as number) - 1 }), 'LimitExceeded', `${ability} takes less of ${limit}`)
        }
      }
    })

    it('holds those to it, too, whom a part of the lease was leased on to', async () => {
      const at = samples.findIndex(({ uses = {} }) => Object.values(uses).some((amount) => amount > 0))
      if (at < 0) return assert.deepEqual(Object.keys(host.provided.service.limits), [], 'no sample uses any of the limits')
      const [limit, amount] = Object.entries(heldBy(at).most).find(([, most]) => most > 0) as [string, number]
      const owner = await host.guest({ [limit]: amount })
      const through = async (guest: Guest) => {
        for (const before of samples.slice(0, at)) await guest.call(before)
        return codeOf(guest.call(samples[at] as Sample))
      }
      assert.equal(await through(await owner.lend({ [limit]: amount - 1 })), 'LimitExceeded', 'beyond the part')
      const another = await host.guest({ [limit]: amount })
      assert.equal(await through(await another.lend({ [limit]: amount })), 'ok', 'within the part')
      assert.equal(await through(await another.lend({ [limit]: amount })), 'LimitExceeded', 'beyond what all parts may take together')
    })

    it('gives back what is no longer held', async () => {
      const at = samples.findIndex(({ uses = {} }) => Object.values(uses).some((amount) => amount < 0))
      if (at < 0) return
      const upToHere = samples.slice(0, at + 1)
      const guest = await host.guest(heldBy(at).most)
      const codes = async () => {
        const told: string[] = []
        for (const sample of upToHere) told.push(await codeOf(guest.call(sample)))
        return told
      }
      const first = await codes()
      assert.deepEqual(await codes(), first, 'there is no room again for what was there')
    })

    it('does an idempotent call twice for the price of one', async () => {
      for (const [at, sample] of samples.entries()) {
        if (abilityOf(sample).effect !== 'idempotent' || sample.error || abilityOf(sample).authority === 'operator') continue
        const guest = await host.guest(heldBy(at).most)
        for (const before of samples.slice(0, at)) await guest.call(before)
        const [first, again] = [await guest.call(sample), await guest.call(sample)]
        // What was taken away is not there to be taken away again, and nothing else has changed.
        if (again.out.error?.name !== 'NotFound') assert.deepEqual(steady(sample, again), steady(sample, first), sample.ability)
      }
    })

    it('runs what may run once only once', async () => {
      const { service } = host.provided
      const guest = await host.guest()
      for (const sample of samples) {
        if (abilityOf(sample).effect !== 'once') await guest.call(sample)
        else {
          const call = await callOf(host, guest, canOf(service.id, sample.ability), sample.nb ?? {})
          const first = await send(host, guest, call)
          await host.restart()
          assert.deepEqual(await send(host, guest, call), first, sample.ability)
        }
      }
    })

    /** What was read last has to read so afterwards. */
    const readsAgain = async (after: () => Promise<void>) => {
      const guest = await host.guest()
      const first = await all(guest)
      await after()
      const reads = samples.map((sample, at) => ({ sample, at })).filter(({ sample }) => abilityOf(sample).effect === 'read')
      const last = reads.filter(({ sample, at }) => !reads.some((other) => other.at > at && other.sample.ability === sample.ability))
      for (const { sample, at } of last) {
        const later = samples.slice(at + 1).some((other) => abilityOf(other).effect !== 'read' && !other.error)
        // What came after the last reading may have changed what it reads.
        if (!later) assert.deepEqual(steady(sample, await guest.call(sample)), steady(sample, first[at] as Told), sample.ability)
      }
    }

    it('finds everything again after a restart', () => readsAgain(() => host.restart()))

    it('keeps everything when garbage is collected', () => readsAgain(() => host.collect()))

    it('lets the host end while it is being asked', async () => {
      const guest = await host.guest()
      await all(guest)
      const running = samples.map((sample) => codeOf(guest.call(sample)).catch(() => 'broken'))
      const began = performance.now()
      await host.close()
      await Promise.all(running)
      assert.ok(performance.now() - began < 20_000, 'it holds the host up')
    })
  })
}

const callOf = (host: ServiceHost, guest: Guest, can: string, nb: object): Promise<Ucan> =>
  issueUcan(guest.signer, {
    audience: host.did,
    capabilities: [{ can, with: guest.signer.did, nb: nb as never }],
    expiration: Math.floor(Date.now() / 1000) + 60,
    nonce: nonce(),
    proofs: guest.leases.map(({ ucan }) => ucan.cid),
  })

const send = async (host: ServiceHost, guest: Guest, call: Ucan) => {
  const answer = await host.channel.request(encodeInvocations([call], ucansOf(guest.leases)))
  const receipt = decodeReceipts(answer).get(String(call.cid))
  assert.ok(receipt)
  return readReceipt<Record<string, unknown>>(receipt, call.cid, host.did).out
}

/** A call that no typed client would make. */
const sendAs = async (host: ServiceHost, guest: Guest, can: string, nb: object) => send(host, guest, await callOf(host, guest, can, nb))
