import { callingTests } from './calling.ts'
import { contentTests } from './content.ts'
import { setTheStage } from './stage.ts'
import { streamTests } from './streams.ts'

describe('a symbiont in a page', () => {
  const stage = setTheStage()
  callingTests(stage)
  contentTests(stage)
  streamTests(stage)
})
