/** Something that keeps somebody out, the test that says so, and how to switch it off: the test must fail then. */
export interface Guard {
  /** The step or function, as the sources call it. */
  guard: string
  file: string
  /** A text that stands once in the file, and what to put in its place. */
  off: readonly [find: string, replace: string]
  /** The test file, from the root. */
  test: string
  /** The title of the test in it. */
  title: string
}

const admission = 'protocol/admission.ts'
const authorize = 'protocol/authorize.ts'
const chain = 'protocol/chain.ts'
const ucan = 'protocol/ucan.ts'
const cbor = 'protocol/cbor.ts'
const lease = 'protocol/lease.ts'
const revocations = 'host/revocations.ts'
const receipt = 'protocol/receipt.ts'
const http = 'protocol/channels/http.ts'

const bounds = 'tests/attacks/bounds.test.ts'
const forms = 'tests/attacks/canonical-form.test.ts'
const decode = 'tests/attacks/decode.test.ts'
const times = 'tests/attacks/time.test.ts'
const signatures = 'tests/attacks/signature.test.ts'
const addressing = 'tests/attacks/addressing.test.ts'
const owner = 'tests/attacks/owner-chain.test.ts'
const leases = 'tests/attacks/lease-chain.test.ts'
const alternatives = 'tests/attacks/alternatives.test.ts'
const revoking = 'tests/attacks/revocation.test.ts'
const replay = 'tests/attacks/replay.test.ts'
const receipts = 'tests/attacks/receipts.test.ts'
const door = 'tests/attacks/http.test.ts'
const usage = 'tests/host/usage.test.ts'
const consent = 'tests/host/consent.test.ts'
const folder = 'tests/host/folder.test.ts'
const running = 'tests/host/running.test.ts'

const row = (guard: string, file: string, find: string, replace: string, test: string, title: string): Guard => ({
  guard,
  file,
  off: [find, replace],
  test,
  title,
})
const voids = 'no way around a revoked delegation'

export const GUARDS: readonly Guard[] = [
  row('bounds.messageBytes', admission, 'message.length > bounds.messageBytes', 'false', bounds, 'messageBytes: to the byte'),
  row('bounds.blocks', 'protocol/car.ts', 'blocks.length === bounds.maxBlocks', 'false', bounds, 'blocks: the root counts, too'),
  row('bounds.blockBytes', 'protocol/car.ts', 'block.bytes.length > maxBlockBytes', 'false', bounds, 'blockBytes'),
  row('bounds.invocations', admission, 'execute.length > bounds.invocations', 'false', bounds, 'invocations'),
  row('bounds.proofs', admission, 'ucan.proofs.length > bounds.proofs', 'false', bounds, 'proofs'),
  row('bounds.nbBytes', admission, 'size > bounds.nbBytes', 'false', bounds, 'nbBytes'),
  row(
    'bounds.depth',
    admission,
    'for (const invocation of invocations) depthOf(invocation, 1)',
    '',
    bounds,
    'depth: the invocation included',
  ),
  row(
    'bounds.paths',
    chain,
    '++steps <= guard.bounds.paths',
    'steps < 1e5',
    alternatives,
    'are given up within the bound where they fail at every path',
  ),
  row('checkHash.codec', admission, 'cid.code !== DAG_CBOR', 'false', forms, `the raw codec: ${voids}`),
  row(
    'checkHash.function',
    admission,
    'cid.multihash.code !== 0x12 || cid.multihash.size !== 32',
    'false',
    forms,
    `a sha2-512 CID: ${voids}`,
  ),
  row('checkHash', admission, 'if (!memory.knows(block)) verifyBlock(block)', '', forms, `another CID over its bytes: ${voids}`),
  row(
    'memory.knows',
    admission,
    'sameBytes(known.ucan.bytes, bytes)',
    'true',
    signatures,
    'are remembered by CID, and a remembered one says nothing of another',
  ),
  row(
    'readExecute.once',
    admission,
    '[...new Map((execute as CID[]).map((cid) => [textOf(cid), cid])).values()]',
    'execute as CID[]',
    decode,
    'runs a call once that is named twice in a message, and answers it once',
  ),
  row('decodeUcan.extra', ucan, 'extra !== undefined', 'false', forms, `an extra field: ${voids}`),
  row('decodeUcan.signature', ucan, 'value.length !== 68', 'false', forms, `a byte after the signature: ${voids}`),
  row('decodeUcan.can', ucan, 'can !== can.toLowerCase()', 'false', forms, `an upper-cased can: ${voids}`),
  row(
    'decodeUcan.fct',
    ucan,
    "if (value.length === 0) throw notCanonical('fct'",
    "if (false) throw notCanonical('fct'",
    forms,
    `fct: []: ${voids}`,
  ),
  row('decodeUcan.nnc', ucan, "value === ''", 'false', forms, `nnc: '': ${voids}`),
  row('decodeUcan.nbf', ucan, 'time === 0', 'false', forms, `nbf: 0: ${voids}`),
  row('refuseSlashKeys', ucan, "Object.hasOwn(value, '/')", 'false', forms, `a link as a map: ${voids}`),
  row('cbor.end', cbor, 'reader.offset !== bytes.length', 'false', forms, `a byte after the block: ${voids}`),
  row(
    'cbor.order',
    cbor,
    'previous >= 0 && !this.#isAfter(previous, previousEnd, start)',
    'false',
    forms,
    `its fields out of order: ${voids}`,
  ),
  row(
    'cbor.shortest',
    cbor,
    'value < (info === 24 ? 24 : 2 ** (8 << (info - 25)))',
    'false',
    forms,
    `exp written longer than needed: ${voids}`,
  ),
  row(
    'cbor.floats',
    cbor,
    "if (Number.isInteger(value)) throw new Failure('NotCanonical'",
    "if (false) throw new Failure('NotCanonical'",
    forms,
    `exp as a float: ${voids}`,
  ),
  row('cbor.depth', cbor, 'if (depth > MAX_DEPTH)\n', 'if (false)\n', decode, 'refuses nests that would use up the stack'),
  row(
    'oneCapability',
    authorize,
    '!capability || more.length > 0) return say',
    '!capability) return say',
    decode,
    'takes a call with exactly one capability',
  ),
  row('time.expired', authorize, 'now > ucan.expiration + CLOCK_SKEW', 'false', times, 'of a call: it ended'),
  row('time.notBefore', authorize, 'now < ucan.notBefore - CLOCK_SKEW', 'false', times, 'of a call: it has not begun'),
  row('time.life', authorize, 'expiration > now + maxLife + CLOCK_SKEW', 'false', times, 'of a call: it lives too long'),
  row(
    'time.never',
    authorize,
    'expiration === null || expiration >',
    'expiration !== null && expiration >',
    times,
    'of a call: it lives too long',
  ),
  row('signature', authorize, '!memory.isSigned(call.invocation)', 'false', signatures, 'of a call'),
  row('chain.signature', chain, 'guard.memory.isSigned(link) ? undefined', 'true ? undefined', signatures, 'of a delegation'),
  row('audience', authorize, 'call.invocation.audience !== host', 'false', addressing, 'a call for another host is not for this one'),
  row(
    'knownAbility',
    authorize,
    'const bound = guard.ability(call.capability.can)',
    "const bound = guard.ability(call.capability.can.replace('/*', '/look'))",
    addressing,
    'runs no ability that is a pattern',
  ),
  row('resource.leased', authorize, "authority === 'leased' && aboutHost", 'false', addressing, 'a lease is no delegation over the host'),
  row(
    'resource.operator',
    authorize,
    "authority === 'operator' && !aboutHost",
    'false',
    addressing,
    'an ability of operators is about the host, and needs its delegation',
  ),
  row('input', authorize, 'if (mismatch)\n', 'if (false)\n', addressing, 'is closed: what is not known is refused, not dropped'),
  row('ownerChain', authorize, 'invocation.issuer === space) return', 'true) return', owner, 'leads from the space to the caller'),
  row(
    'ownerChain.with',
    authorize,
    "(capability.with === claim.with || capability.with === 'ucan:*') &&",
    '',
    owner,
    'is about the space of the call',
  ),
  row(
    'ownerChain.can',
    authorize,
    "(covers(capability.can, claim.can) || capability.can === 'ucan:*')",
    'true',
    owner,
    'matches abilities by whole segments',
  ),
  row(
    'ownerChain.unknown',
    authorize,
    'if (unknown === undefined && other === undefined)',
    'if (other === undefined || unknown !== undefined)',
    owner,
    'has its caveats heeded, and refuses the ones it does not know',
  ),
  row(
    'ownerChain.other',
    authorize,
    'if (unknown === undefined && other === undefined)',
    'if (unknown === undefined)',
    owner,
    'has its caveats heeded, and refuses the ones it does not know',
  ),
  row(
    'ownField',
    authorize,
    'nb && Object.hasOwn(nb, field) ? nb[field] : undefined',
    'nb?.[field]',
    owner,
    'has its caveats heeded, and refuses the ones it does not know',
  ),
  row('chain.audience', chain, 'link.audience !== holder ||', '', owner, 'is no good to another device'),
  row(
    'leaseChain',
    authorize,
    "if (bound.ability.authority !== 'leased') return undefined",
    'return undefined',
    leases,
    'leads from the host to the space',
  ),
  row(
    'leaseChain.host',
    authorize,
    '!capability || capability.with !== host',
    '!capability',
    leases,
    'is of this host: another one leases nothing here',
  ),
  row('leaseChain.never', authorize, "if (link.expiration === null) return no('it never ends')", '', times, 'of a lease'),
  row(
    'leaseChain.can',
    authorize,
    '!covers(capability.can, leaseCan(bound.can))',
    'false',
    leases,
    'covers abilities by whole segments, and never everything',
  ),
  row(
    'leaseChain.limits',
    authorize,
    'return stated.error === undefined ? undefined : no(stated.error)',
    'return undefined',
    leases,
    'states limits that the service has, and no others',
  ),
  row('leaseOf', lease, '!capability || more.length > 0', '!capability', leases, 'is one capability over the host'),
  row(
    'covers',
    lease,
    "granted.endsWith('/*') && claimed.startsWith(granted.slice(0, -1))",
    "granted.endsWith('/*') && claimed.startsWith(granted.slice(0, -2))",
    owner,
    'matches abilities by whole segments',
  ),
  row('exceeds.ability', lease, '!mine || !its || !covers(its.can, mine.can)', 'false', leases, 'may not be wider'),
  row('exceeds.end', lease, 'child.expiration > parent.expiration)', 'false)', leases, 'may not end later'),
  row('exceeds.limit', lease, '(stated[name] as number) > (above[name] as number)', 'false', leases, 'may not be for more'),
  row(
    'revoked',
    chain,
    'if (!revocation) return undefined',
    'return undefined',
    revoking,
    'by the issuer, by an issuer above, and by the audience',
  ),
  row(
    'bearing',
    'protocol/revocation.ts',
    'path.at(-1)?.audience === revocation.by || path.some((link) => link.issuer === revocation.by)',
    'true',
    revoking,
    'bears only on the paths that its author stands in',
  ),
  row(
    'mustRevoke.revoker',
    revocations,
    'ucan.audience !== by && !issuers.has(by)',
    'false',
    revoking,
    'not by a stranger, whatever he shows',
  ),
  row(
    'mustRevoke.root',
    revocations,
    'if (standing.has(guard.host) ||',
    'if (true ||',
    revoking,
    'is only what roots in this host, or in a space with a lease here: anyone can mint junk',
  ),
  row(
    'mustRevoke.standing',
    revocations,
    '&& counts(above)',
    '',
    revoking,
    'is not what roots in a lease that has ended: it would be a way in for ever',
  ),
  row(
    'issuersAbove.signed',
    revocations,
    'if (!guard.memory.isSigned(link)) return',
    '',
    revoking,
    'of a UCAN that nobody signed is refused',
  ),
  row(
    'issuersAbove.audience',
    revocations,
    'above?.audience === link.issuer && counts(above)',
    'above && counts(above)',
    revoking,
    'is not what roots in a lease by its text alone',
  ),
  row(
    'replay.running',
    'host/dispatch.ts',
    'let running = this.#running.get(name)',
    'let running = undefined as Promise<Outcome> | undefined',
    replay,
    'runs a call once that says so: at the same time, again, in one message, and after a restart',
  ),
  row(
    'replay.answered',
    'host/dispatch.ts',
    '(await answered()) ?? (await start())',
    'await start()',
    replay,
    'runs a call once that says so: at the same time, again, in one message, and after a restart',
  ),
  row(
    'limits',
    'host/usage.ts',
    'if (used + amount <= most) continue',
    'continue',
    usage,
    'overshoots by nothing, however many write at once',
  ),
  row(
    'limits.chain',
    'host/usage.ts',
    'const edges = distinct(path)',
    'const edges = distinct(path).slice(-1)',
    usage,
    'stops a provider at what it leases itself, whatever it promised',
  ),
  row(
    'toRefusal',
    'protocol/failure.ts',
    "message: 'The host failed on its side; its log has the reason.'",
    'message: String(thrown)',
    addressing,
    'tells nothing of what went wrong inside',
  ),
  row('readReceipt.issuer', receipt, 'ocm.iss !== host', 'false', receipts, 'of another are not'),
  row('readReceipt.ran', receipt, '!answered.equals(ran)', 'false', receipts, 'for another call are not'),
  row('readReceipt.signature', receipt, '!verifies(host, encode(ocm), sig.subarray(4))', 'false', receipts, 'with a bad signature are not'),
  row(
    'http.type',
    http,
    'type !== CAR_TYPE) {\n    throw',
    'false) {\n    throw',
    door,
    'speaks its content types and no others, and says which',
  ),
  row('http.path', http, "request.url !== '/'", 'false', door, 'has one path for messages, and one method'),
  row(
    'http.length',
    http,
    'if (length > maxBytes) throw tooLarge(maxBytes)',
    '',
    door,
    'refuses by its length alone what is too long, and reads none of it',
  ),
  row(
    'http.bytes',
    http,
    'if (length > max) throw tooLarge(max)',
    '',
    door,
    'stops reading where too much has come, though the end has not',
  ),
  row('http.origin', http, "request.method !== 'GET' && request.method !== 'HEAD'", 'true', door, 'shows its metrics to no web page'),
  row(
    'policies.overlap',
    'host/consent.ts',
    '|| covers(asked.can, can))',
    ')',
    consent,
    'never: what was denied is not had by asking for more at once',
  ),
  row('lesser', 'host/requests.ts', 'if (more !== undefined)', 'if (false)', consent, 'grants less than was asked, and never more'),
  row(
    'mustHaveRoom',
    'host/requests.ts',
    'this.#pending.size >= maxPending || mine >= maxPendingPerSpace',
    'false',
    consent,
    'is bounded: of one space, and of all',
  ),
  row(
    'renew.consent',
    'host/leases.ts',
    'await this.#consent(lease, tx)',
    '',
    consent,
    'never outruns a revocation that comes at the same moment',
  ),
  row(
    'renew.revoked',
    'host/leases.ts',
    'if (revoked)\n',
    'if (false)\n',
    consent,
    'ends with the consent, and all leases of it end together',
  ),
  row(
    'answer.once',
    'host/requests.ts',
    "        if (before && before.state !== 'pending') return before\n        // Who",
    '        // Who',
    consent,
    'of two answers at once, one counts and is told to both',
  ),
  row(
    'identity.mode',
    'host/identity.ts',
    '(statSync(path).mode & 0o077) !== 0',
    'false',
    folder,
    'are refused where others may read them',
  ),
  row(
    'identity.damaged',
    'host/identity.ts',
    'did !== undefined && did !== signer.did',
    'false',
    folder,
    'are refused when damaged, and never written over',
  ),
  row(
    'lockFolder',
    'host/lock.ts',
    "lock.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')",
    '',
    folder,
    "is one host's at a time, in one process and over processes",
  ),
  row(
    'log',
    'host/log.ts',
    "typeof value === 'string' && NAME.test(value) ? value : '[cut]'",
    'value',
    running,
    'logs nothing that lets anybody in',
  ),
  row(
    'close.uploads',
    'host/host.ts',
    'call.body && streamUntil(call.body, signal)',
    'call.body',
    running,
    'does not wait for an upload that stands still, on any channel',
  ),
]
