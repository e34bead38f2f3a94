import { type DID, Failure, homeLogsOf, isDid, leaseOf, type Proof, type Refusal, toRefusal } from '@symbiosis/protocol'
import { formatDuration, parseDuration } from './amounts.ts'
import { type Bundle, readBundle } from './bundle.ts'
import type { HeldFilter } from './held-filter.ts'
import { type InspectedLink, inspectProof, type Problem } from './inspect.ts'
import { type AskedLog, askLog, type FoundRevocation } from './log-asking.ts'
import type { Self } from './self.ts'
import { isAboutOneSpace, rootOf } from './standing.ts'

/** How a token is verified. */
export interface VerifyOptions {
  /** How old what is known of each host's log may be: seconds, or text such as `'1h'`. Unless given, any age will do, and none, too. */
  maxAge?: number | string
  /** Whether hosts that can be reached are asked what their logs have now. Without, nobody is asked, and what is known is as old as the filters. */
  online?: boolean
  /** Ends the asking. */
  signal?: AbortSignal
  /** Whom it has to be for. That who shows a token is the one that it is for, a token can't prove: have them sign something. */
  audience?: DID
}

/** A host whose log speaks for a token. */
export interface SpeakingHost {
  host: DID
  name: string
}

/** How far what is revoked is known from a host's log. */
export interface CheckedLog extends SpeakingHost {
  /** How many entries of it are known. */
  size: number
  /** As of when, Unix seconds. */
  time: number
  /** Seconds since. */
  age: number
  /** Whether the host itself was asked: then nothing of the chain was in its log but what is `revoked`. Else its filter was. */
  asked: boolean
}

/** What a token is worth, as far as this device can tell. */
export interface Verified {
  /** Whether a whole chain without a problem leads from the root to the token. */
  ok: boolean
  kind: 'delegation' | 'lease'
  subject: string
  chain: InspectedLink
  /** Everything that is wrong, in parts that aren't needed, too; the nearest to the root first. */
  problems: Problem[]
  revocation: {
    /** The logs that were looked at. Where there are none, `ok` says nothing of revocations. */
    checked: CheckedLog[]
    /** Those that speak for the token, too, of which not enough is at hand. */
    unknown: SpeakingHost[]
    /** CIDs of links that may be revoked: a host's filter has them, which is wrong once in 256 times and other ones in a newer filter. */
    maybe: string[]
    /** What hosts that were asked have proved to be in their logs. */
    revoked: (SpeakingHost & FoundRevocation)[]
    /** Hosts that were asked, and why that came to nothing. */
    failed: (SpeakingHost & { error: Refusal })[]
  }
}

/**
 * Checks a token, or an archive of a delegation or lease, with what is at hand; unless told, nobody is asked. Time is taken to be no earlier than that of any filter:
 * these leave out what had ended by then.
 * @throws Failure Malformed, BadHash, NotCanonical, TooLarge where there is nothing to read; InvalidInput for a `maxAge` that is no time
 */
export const verify = async (
  self: Self,
  heldOf: (host: DID) => Promise<HeldFilter | undefined>,
  token: string | Uint8Array,
  { maxAge, audience, online = false, signal }: VerifyOptions = {},
): Promise<Verified> => {
  const most = maxAge === undefined ? Number.POSITIVE_INFINITY : parseDuration(maxAge)
  const bundle = readBundle(token)
  // What another process revoked counts.
  await self.holdings.reload()
  const { delegation } = bundle
  const logs = await Promise.all(
    speakersOf(self, bundle).map(async (speaker) => {
      const held = await heldOf(speaker.host)
      return { speaker, held, ...(online && (await asking(self, speaker, delegation, held, signal))) }
    }),
  )
  const links = [delegation.ucan, ...delegation.proofs].map(({ cid }) => cid)
  const now = Math.max(self.now(), ...logs.flatMap(({ held }) => held?.time ?? []))
  const known = logs.map(({ speaker, held, asked }) => {
    if (asked) return { ...speaker, ...agedAt(now, asked), asked: true }
    return held && links.every((cid) => held.mayHave(cid) !== undefined) ? { ...speaker, ...agedAt(now, held), asked: false } : undefined
  })
  const checked = known.flatMap((each) => each ?? [])
  const unknown = logs.flatMap(({ speaker }, at) => (known[at] ? [] : [speaker]))
  const revoked = logs.flatMap(({ speaker, asked }) => (asked?.revoked ?? []).map((each) => ({ ...speaker, ...each })))
  const failed = logs.flatMap(({ speaker, error }) => (error ? [{ ...speaker, error }] : []))
  // A filter that can't tell of every link may still tell of some. What the host itself has said counts for more.
  const maybe = links.filter((cid) => logs.some(({ held, asked }) => !asked && held?.mayHave(cid))).map(String)
  const kind = leaseOf(delegation.ucan) ? 'lease' : 'delegation'
  const { chain, usable, problems } = inspectProof(delegation, kind === 'lease' ? 'lease' : 'owner', {
    now,
    revoked: (cid) =>
      self.holdings.revocationOf(cid) !== undefined || revoked.some(({ link }) => link === cid) || (maybe.includes(cid) && 'maybe'),
  })
  const link = chain.cid
  const more: Problem[] = []
  if (!isAboutOneSpace(delegation.ucan)) more.push({ code: 'Malformed', message: 'It is not about exactly one space or host.', link })
  if (audience !== undefined && audience !== delegation.ucan.audience)
    more.push({ code: 'WrongAudience', message: `It is for ${delegation.ucan.audience}.`, link })
  if (most !== Number.POSITIVE_INFINITY)
    more.push(...tooOld(checked, unknown, most).map((message): Problem => ({ code: 'StaleLog', message, link })))
  return {
    ok: usable && more.length === 0,
    kind,
    subject: rootOf(delegation),
    chain,
    problems: [...problems, ...more],
    revocation: { checked, unknown, maybe, revoked, failed },
  }
}

/**
 * The host of a lease; of a delegation, those whose logs its links name, those that the token names, and those that this device has leases of: a token can be made to
 * name fewer.
 */
const speakersOf = ({ holdings }: Self, { delegation, leases, hosts }: Bundle): SpeakingHost[] => {
  const root = rootOf(delegation)
  const known = [...holdings.hosts, ...hosts]
  const roots = holdings.leases.map(({ proof }) => rootOf(proof))
  const dids = leaseOf(delegation.ucan)
    ? [root]
    : [
        ...[delegation.ucan, ...delegation.proofs].flatMap((link) => (homeLogsOf(link) ?? []).map(({ did }) => did)),
        ...hosts.map(({ did }) => did),
        ...leases.map(rootOf),
        ...roots,
        ...holdings.hosts.map(({ did }) => did).filter((did) => did === root),
      ]
  return [...new Set(dids)].filter(isDid).map((host) => ({ host, name: known.find(({ did }) => did === host)?.name ?? '' }))
}

/** Seconds that a host has to answer. */
const PATIENCE = 10

/** Of hosts that this device knows: to whatever address a token names, it doesn't go. */
const asking = async (
  self: Self,
  { host }: SpeakingHost,
  delegation: Proof,
  held: HeldFilter | undefined,
  signal: AbortSignal | undefined,
): Promise<{ asked?: AskedLog; error?: Refusal }> => {
  const known = self.holdings.hosts.find(({ did }) => did === host)
  if (!known) return {}
  const patience = AbortSignal.timeout(PATIENCE * 1000)
  try {
    return { asked: await askLog(self, known, delegation, held, signal ? AbortSignal.any([signal, patience]) : patience) }
  } catch (thrown) {
    if (signal?.aborted) throw thrown
    return {
      error: patience.aborted ? new Failure('Unavailable', `No answer within ${PATIENCE} seconds.`).toRefusal() : toRefusal(thrown),
    }
  }
}

const agedAt = (now: number, { size, time }: Pick<HeldFilter, 'size' | 'time'>) => ({ size, time, age: now - time })

const tooOld = (checked: readonly CheckedLog[], unknown: readonly SpeakingHost[], most: number): string[] => {
  const nameOf = ({ host, name }: SpeakingHost) => name || host
  if (checked.length + unknown.length === 0) return ['No host is known whose log would tell whether it is revoked.']
  return [
    ...unknown.map((each) => `Nothing is known of ${nameOf(each)}'s log.`),
    ...checked
      .filter(({ age }) => age > most)
      .map((each) => `What is known of ${nameOf(each)}'s log is ${formatDuration(each.age)} old, and may be ${formatDuration(most)}.`),
  ]
}
