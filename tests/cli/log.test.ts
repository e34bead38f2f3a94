import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { encodeFork } from '@symbiosis/protocol/revocation'
import { LyingHost } from '../attacks/lying-host.ts'
import { Place, type RunningHost } from './command.ts'

describe('the log on the command line', function () {
  this.timeout(120_000)

  const place = new Place()
  const elsewhere = new Place()
  const wallet = place.wallet('wallet')
  let host: RunningHost
  let follower: RunningHost

  before(async () => {
    host = await place.host(['--approve', 'all', '--name', 'first'])
    follower = await elsewhere.host(['--follow', `${host.url}#${host.did}`])
    await wallet.ok('pair', host.url)
  })
  after(async () => {
    await place.end()
    await elsewhere.end()
  })

  /** Takes back a lease that is asked for just for that. */
  const revoke = async (): Promise<string> => {
    await wallet.ok('request', 'pin')
    const { leases } = await wallet.ok('leases')
    const [{ cid }] = leases.filter(({ state }: { state: string }) => state === 'valid')
    await wallet.ok('revoke', cid)
    return cid
  }

  it('shows what the host has signed, by address, by name, and of the host of this machine', async () => {
    const cid = await revoke()
    for (const name of [host.url, 'first', host.did, undefined]) {
      const { did, size, checkpoint, entries, cosigned } = await wallet.ok('log', 'show', ...(name ? [name] : []))
      assert.equal(did, host.did)
      assert.deepEqual(cosigned, [])
      assert.equal(size, entries.length)
      assert.match(checkpoint, new RegExp(`^${host.did}/revocations\n${size}\n`))
      const entry = entries.find(({ ucan }: { ucan: string }) => ucan === cid)
      assert.equal(entry.kind, 'revocation')
    }
    const { stdout } = await wallet.run(['log', 'show', 'first', '--last', '1'])
    assert.match(stdout, /revoked bafy/)
  })

  it('verifies all of it', async () => {
    await revoke()
    const { size } = await wallet.ok('log', 'show', 'first')
    const { verified, size: read, proved, manifests } = await wallet.ok('log', 'verify', 'first')
    // The manifest has no call that says it.
    assert.deepEqual([verified, read, proved, manifests], [true, size, size - 1, 1])
  })

  it('is watched as it grows, until Ctrl-C', async () => {
    const { size } = await wallet.ok('log', 'show', 'first')
    const watching = wallet.start('log', 'watch', 'first', '--from', String(size - 1))
    const first = JSON.parse((await watching.lines.next()).value as string)
    assert.equal(first.index, size - 1)
    const cid = await revoke()
    const next = JSON.parse((await watching.lines.next()).value as string)
    assert.deepEqual([next.index, next.ucan], [size, cid])
    watching.child.kill('SIGINT')
    assert.equal((await watching.ended).code, 130)
  })

  it('is followed by another host, which tells how that stands', async () => {
    const { size } = await wallet.ok('log', 'show', 'first')
    const look = async () => (await elsewhere.wallet('owner').ok('host', 'following')).hosts[0]
    let followed = await look()
    for (const end = Date.now() + 20_000; followed.size < size && Date.now() < end; followed = await look()) await setTimeout(50)
    assert.deepEqual([followed.did, followed.size, followed.problem, followed.forks], [host.did, size, undefined, []])
    const metrics = await (await fetch(`${follower.url}/metrics`)).text()
    assert.match(metrics, new RegExp(`symbiosis_followed_entries{url="${host.url}"} ${size}\n`))
    assert.match(metrics, /symbiosis_followed_contact_seconds{[^}]*} \d+\n/)
    assert.match(metrics, /symbiosis_log_entries \d+\n/)
  })

  it('says what a proof of a fork proves, and refuses what is none', async () => {
    const liar = new LyingHost()
    const leaf = (text: string) => ({ leaf: new TextEncoder().encode(text) })
    liar.show(leaf('a'), leaf('b'))
    const older = await liar.checkpoint()
    liar.show(leaf('a'), leaf('c'))
    const fork = { host: liar.signer.did, key: await liar.key(), older, newer: await liar.checkpoint() }
    const path = place.path('proof.fork')
    writeFileSync(path, encodeFork(fork))
    const proof = await wallet.ok('log', 'verify-fraud', path)
    assert.deepEqual([proof.proved, proof.host, proof.older.size, proof.newer.size], [true, fork.host, 2, 2])
    assert.match((await wallet.run(['log', 'verify-fraud', path])).stdout, /proved/)
    writeFileSync(path, encodeFork({ ...fork, newer: older }))
    assert.equal((await wallet.refused(1, 'log', 'verify-fraud', path)).name, 'BadSignature')
    writeFileSync(path, 'no fork')
    assert.equal((await wallet.refused(1, 'log', 'verify-fraud', path)).name, 'Malformed')
    assert.equal((await wallet.refused(1, 'log', 'verify-fraud', place.path('none'))).name, 'NotFound')
  })

  it('ends as other commands do where there is no host', async () => {
    assert.equal((await wallet.refused(3, 'log', 'show', 'http://127.0.0.1:9')).name, 'Unavailable')
    assert.equal((await wallet.refused(1, 'log', 'verify', 'nobody')).name, 'NotFound')
    assert.equal((await wallet.refused(1, 'log', 'show', `${host.url}#${follower.did}`)).name, 'WrongAudience')
    assert.equal((await place.run(['host', '--follow', 'nowhere', '--dir', place.path('other'), '--json'])).code, 1)
  })
})
