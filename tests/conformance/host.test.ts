import { runHostTests } from '@symbiosis/conformance'
import { setTheStage } from '../fixtures.ts'
import { mocha } from './mocha.ts'

describe('a host of ours', () => {
  const stage = setTheStage(() => ({ now: () => Math.floor(Date.now() / 1000), manifestLife: 3600 }))
  let url = ''
  before(async () => {
    url = (await stage.world.host.listen()).url as string
  })

  runHostTests(mocha, () => url)
})
