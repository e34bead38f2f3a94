import { folders } from '../host/engine/fixtures.ts'
import { runPinTests } from './pin.ts'
import { helianWorld } from './world.ts'

describe('pin on the Helia engine', () => runPinTests(helianWorld(folders())))
