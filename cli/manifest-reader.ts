import { existsSync } from 'node:fs'
import { Failure, generateSeed, signerFromSeed } from '@symbiosis/protocol'
import { fetchManifest, type LoggedManifest, type Manifest, type ServiceDescription } from '@symbiosis/protocol/manifest'
import { reachHost } from './reaching.ts'
import type { Run } from './run.ts'
import { openSymbiont, walletFile } from './wallet.ts'

/**
 * The manifest of a host, verified and shown to stand in its log, as anybody can have it. Of a host that was paired with, nothing older is taken than what the wallet has seen.
 * @throws Failure
 */
export const readManifest = async (name: string | undefined, run: Run): Promise<LoggedManifest> => {
  const { did, channel } = await reachHost(name, run)
  // Without a wallet none is made: a manifest can be read by anybody.
  await using symbiont = existsSync(walletFile(run.globals.home)) ? await openSymbiont(run) : undefined
  if (symbiont?.hosts().some((host) => host.did === did)) return symbiont.manifest({ host: did, signal: run.signal })
  const signer = signerFromSeed(generateSeed())
  const now = () => Math.floor(Date.now() / 1000)
  return fetchManifest({ signer, host: did, subject: signer.did, proofs: [], channel, now }, { signal: run.signal })
}

/**
 * The services that are meant, or all.
 * @throws Failure NotFound
 */
export const servicesOf = ({ services }: Manifest, ids: readonly string[] = []): ServiceDescription[] => {
  if (ids.length === 0) return [...services.values()]
  return ids.map((id) => {
    const service = services.get(id)
    if (service) return service
    throw new Failure('NotFound', `The host has no service "${id}".`, {
      field: 'service',
      hint: `It has ${[...services.keys()].join(', ')}.`,
    })
  })
}
