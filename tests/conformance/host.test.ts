import { join } from 'node:path'
import { dagService } from '@symbiosis/capabilities/dag/host'
import { pinService } from '@symbiosis/capabilities/pin/host'
import { runHostTests } from '@symbiosis/conformance'
import { allow, Host } from '@symbiosis/host'
import { helia } from '@symbiosis/host/helia'
import { folders, setTheStage, silent } from '../fixtures.ts'
import { jarSamples } from './jar-samples.ts'
import { mocha } from './mocha.ts'
import { movedClock } from './moved-clock.ts'

const now = () => Math.floor(Date.now() / 1000)

describe('a host of ours', () => {
  const clock = movedClock()
  const stage = setTheStage(() => ({ now: clock.now, manifestLife: 3600 }))
  let url = ''
  before(async () => {
    url = (await stage.world.host.listen()).url as string
  })

  runHostTests(mocha, () => url, { samples: jarSamples, clock, ends: true })
})

describe('a host of ours with the standard services', () => {
  const folder = folders()
  let host: Host
  let url = ''
  before(async () => {
    const dir = folder()
    const engine = await helia({ dir: join(dir, 'engine') })
    const services = () => [dagService(engine), pinService(engine)]
    host = await Host.open({ dir: join(dir, 'host'), engine, services, consent: allow, log: silent })
    url = (await host.listen()).url as string
  })
  after(() => host?.close())

  runHostTests(mocha, () => url)
})

describe('a host of ours that takes more than is usual', () => {
  const bounds = { messageBytes: 4 * 1024 * 1024, blocks: 2048, invocations: 128, proofs: 64, depth: 64 }
  const stage = setTheStage(() => ({ now, manifestLife: 3600, bounds }))
  let url = ''
  before(async () => {
    url = (await stage.world.host.listen()).url as string
  })

  runHostTests(mocha, () => url, { leases: false })
})
