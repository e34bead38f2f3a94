import { folders } from '../host/engine/fixtures.ts'
import { Network } from './network.ts'
import { runAnnounceTests } from './route-announcing.ts'
import { runFindTests } from './route-finding.ts'
import { runRecordTests } from './route-records.ts'
import { helianWorld, type Setup } from './world.ts'

describe('route on the Helia engine', function () {
  this.timeout(60_000)
  let network: Network
  before(async () => {
    network = await Network.open(8)
  })
  after(() => network?.close())

  const setup = helianWorld(folders())
  const overHttp: Setup = (options) => setup({ ...options, http: true })
  runFindTests(setup, () => network)
  runAnnounceTests(setup, () => network)
  runRecordTests(setup, () => network)
  describe('over HTTP', () => runFindTests(overHttp, () => network))
})
