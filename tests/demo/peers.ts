import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type DID, delegate, httpChannel, invoke, type LocalSigner, type Proof, type Refusal, revocation } from '@symbiosis/protocol'
import { verifyLogged } from '@symbiosis/protocol/revocation'
import type { Followed } from '../../host/index.ts'
import { jar } from '../attacks/jar.ts'
import { hostSigner } from '../fixtures.ts'

const HOUR = 3600
const now = () => Math.floor(Date.now() / 1000)

/** A host that runs in a process of its own. */
export class RunningHost implements AsyncDisposable {
  readonly name: string
  readonly did: DID
  readonly url: string
  readonly #dir: string
  readonly #process: ChildProcess

  private constructor(name: string, dir: string, process: ChildProcess, { did, url }: { did: DID; url: string }) {
    this.name = name
    this.did = did
    this.url = url
    this.#dir = dir
    this.#process = process
  }

  static async start(name: string, dir: string, follow: readonly string[]): Promise<RunningHost> {
    const process = fork(join(import.meta.dirname, 'host.ts'), [dir, ...follow], { serialization: 'advanced' })
    const [hello] = await Promise.race([
      once(process, 'message'),
      once(process, 'exit').then(([code]) => Promise.reject(new Error(`The host ${name} ended with ${code}.`))),
    ])
    return new RunningHost(name, dir, process, hello)
  }

  async followed(): Promise<Followed[]> {
    const answer = once(this.#process, 'message')
    this.#process.send({})
    return (await answer)[0]
  }

  /** What its owner would grant. */
  lease(space: LocalSigner): Promise<Proof> {
    return delegate(hostSigner(this.#dir), {
      audience: space.did,
      capabilities: [{ can: 'lease/jar/*', with: this.did }],
      expiration: now() + HOUR,
    })
  }

  caller(signer: LocalSigner, space: DID, proofs: readonly Proof[]) {
    return { signer, host: this.did, subject: space, proofs, channel: httpChannel(this.url), now }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#process, 'exit')
    this.#process.disconnect()
    await exit
  }
}

/** A symbiont that owns a space, and lends what it has to a device. */
export class Owner {
  readonly name: string
  readonly space: LocalSigner
  readonly device: LocalSigner

  constructor(name: string, space: LocalSigner, device: LocalSigner) {
    this.name = name
    this.space = space
    this.device = device
  }

  lend(): Promise<Proof> {
    return delegate(this.space, {
      audience: this.device.did,
      capabilities: [{ can: 'jar/*', with: this.space.did }],
      expiration: now() + HOUR,
    })
  }

  /** Whether the device can use what it was lent at a host: undefined, or why not. */
  async refused(host: RunningHost, lent: Proof): Promise<Refusal | undefined> {
    const caller = host.caller(this.device, this.space.did, [lent, await host.lease(this.space)])
    return (await invoke(caller, jar, 'look', {})).result.error
  }

  /**
   * Takes back what was lent, at one host, and verifies the proof that its log has it.
   * @returns where it stands in the log
   */
  async revoke(host: RunningHost, lent: Proof): Promise<number> {
    const caller = host.caller(this.space, this.space.did, [await host.lease(this.space)])
    const { result } = await invoke(caller, revocation, 'revoke', { ucan: lent.ucan.cid }, { attach: [lent] })
    if (result.error) throw new Error(`${host.name} refuses to revoke: ${result.error.name} ${result.error.message}`)
    const { log } = result.ok
    verifyLogged(log, { host: host.did, ucan: lent.ucan.cid, by: this.space.did })
    return log.index
  }
}
