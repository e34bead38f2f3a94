import { folders } from '../host/engine/fixtures.ts'
import { runDagTests } from './dag.ts'
import { runPushTests } from './push.ts'
import { helianWorld, type Setup } from './world.ts'

describe('dag on the Helia engine', () => {
  const setup = helianWorld(folders())
  runDagTests(setup)
  runPushTests(setup)
  describe('over HTTP', () => {
    const overHttp: Setup = (options) => setup({ ...options, http: true })
    runDagTests(overHttp)
    runPushTests(overHttp)
  })
})
