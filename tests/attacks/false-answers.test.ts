import assert from 'node:assert/strict'
import type { Host } from '@symbiosis/host'
import {
  admit,
  BOUNDS,
  type Door,
  decodeReceipts,
  encodeReceipts,
  issueReceipt,
  type Output,
  readReceipt,
  UcanMemory,
} from '@symbiosis/protocol'
import { formatCheckpoint, type log, noteSigner, originOf, signNote } from '@symbiosis/protocol/revocation'
import type { Symbiont } from '@symbiosis/symbiont'
import { CID } from 'multiformats/cid'
import { openIdentity } from '../../host/identity.ts'
import { RevocationLog } from '../../host/log/revocation-log.ts'
import { sqliteStore } from '../../host/store/sqlite.ts'
import { World } from '../symbiont/world.ts'

type Found = Output<(typeof log)['abilities']['find']>

type Lie = (truth: Found, ucan: string) => Partial<Found> | Promise<Partial<Found>>

/** The door of a host that answers falsely whether its log has a UCAN, and signs that. */
const lying = (host: Host, lie: Lie): Door => {
  const { signer } = openIdentity(host.dir)
  return async (call) => {
    const answer = await host.door(call)
    const [invocation] = admit(call.message, BOUNDS, new UcanMemory()).invocations
    const [capability] = invocation?.capabilities ?? []
    if (!invocation || capability?.can !== 'log/find') return answer
    const receipt = decodeReceipts(answer.message).get(String(invocation.cid))
    assert.ok(receipt)
    const truth = readReceipt<Found>(receipt, invocation.cid, host.did).out.ok as Found
    const out = { ok: { ...truth, ...(await lie(truth, String(capability.nb?.ucan))) } }
    return { message: encodeReceipts([{ ran: invocation.cid, block: issueReceipt(signer, invocation.cid, out) }]) }
  }
}

describe('a host that is asked whether its log has a UCAN', () => {
  const url = 'http://attic.test/'
  let world: World
  let attic: Host
  let ada: Symbiont
  let token: string
  let cid: string

  beforeEach(async () => {
    world = new World()
    attic = await world.host('attic')
    ada = await world.owner('attic')
    ;({ token, cid } = await ada.delegate(ada.agent, ['shelf']))
    await ada.revoke((await ada.delegate(ada.agent, ['shelf'])).cid)
    for (const { error } of await ada.refreshFilters()) assert.equal(error, undefined)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** What comes of asking it: the code of why that came to nothing. */
  const asked = async (lie: Lie): Promise<string | undefined> => {
    world.place(url, { door: lying(attic, lie), did: attic.did, name: 'attic' })
    const { revocation } = await ada.verify(token, { online: true })
    const [failed] = revocation.failed
    if (failed) assert.deepEqual([revocation.checked[0]?.asked, revocation.revoked], [false, []], 'its filter counts')
    return failed?.error.name
  }

  const elsewhere = async (): Promise<Found['entries']> => {
    // Behind the manifest.
    const other = await attic.revocationLog.logged(1)
    return [{ index: other.index, entry: other.entry, proof: other.proof }]
  }

  it('is heard where it tells the truth', async () => {
    assert.equal(await asked(() => ({})), undefined)
    await ada.revoke(cid)
    assert.equal(await asked(() => ({})), undefined)
  })

  it('shows an entry without proof', async () => {
    await ada.revoke(cid)
    assert.equal(
      await asked(({ entries }) => ({
        entries: entries.map((each) => ({ ...each, proof: each.proof.map((hash) => hash.map((byte) => byte ^ 1)) })),
      })),
      'BadSignature',
    )
    assert.equal(await asked(({ entries }) => ({ entries: entries.map((each) => ({ ...each, proof: [] })) })), 'Malformed')
  })

  it('shows the revocation of something else', async () => {
    assert.equal(await asked(async () => ({ entries: await elsewhere() })), 'BadSignature')
  })

  it('shows what is by nobody who could', async () => {
    const bea = await world.owner('attic')
    const lent = await bea.delegate(bea.agent, ['shelf'])
    const store = sqliteStore(`${world.folder()}/other.sqlite`)
    const log = await RevocationLog.open(openIdentity(attic.dir), store)
    const ucan = CID.parse(lent.cid)
    const entry = { kind: 'revocation', ucan, by: (await world.symbiont()).agent, expiration: null, cause: ucan } as const
    await store.write((tx) => log.append(tx, [{ entry, evidence: new Uint8Array() }]))
    const found = await log.found(async () => [0])
    await store.close()
    world.place(url, { door: lying(attic, (_, asked) => (asked === lent.cid ? found : {})), did: attic.did, name: 'attic' })
    const { ok, revocation } = await bea.verify(lent.token, { online: true })
    assert.deepEqual([ok, revocation.revoked, revocation.failed[0]?.error.name], [true, [], 'BadSignature'])
  })

  it('has signed its answer with another key, or of a log before the one that it showed', async () => {
    const { signer, logSigner } = openIdentity(attic.dir)
    const sign = (by: typeof signer, size: number) => {
      const origin = originOf(attic.did)
      return signNote({ text: formatCheckpoint({ origin, size, root: new Uint8Array(32) }) }, noteSigner(origin, by))
    }
    assert.equal(await asked(async () => ({ entries: [], checkpoint: await sign(signer, 9) })), 'BadSignature')
    assert.equal(await asked(async () => ({ entries: [], checkpoint: await sign(logSigner, 1) })), 'BadSignature')
  })

  it('answers out of a fork that has nothing', async () => {
    const { logSigner } = openIdentity(attic.dir)
    const origin = originOf(attic.did)
    await ada.revoke(cid)
    const size = await attic.revocationLog.size()
    const checkpoint = await signNote(
      { text: formatCheckpoint({ origin, size, root: new Uint8Array(32).fill(1) }) },
      noteSigner(origin, logSigner),
    )
    assert.equal(await asked(() => ({ entries: [], checkpoint })), 'BadSignature')
  })
})
