import { folders } from '../host/engine/fixtures.ts'
import { runDagTests } from './dag.ts'
import { helianWorld } from './world.ts'

describe('dag on the Helia engine', () => {
  const setup = helianWorld(folders())
  runDagTests(setup)
  describe('over HTTP', () => runDagTests((options) => setup({ ...options, http: true })))
})
