import { Stryker } from '@stryker-mutator/core'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
const here = import.meta.dirname
const [folder, out, ...mutate] = process.argv.slice(2)
process.chdir(folder)
const results = await new Stryker({
  testRunner: 'suites', plugins: [join(here, 'runner.ts'), join(here, 'prose.ts')].map((p) => p.replace(/^.*\/tests\//, folder + '/tests/')), ignorers: ['prose'],
  mutate, inPlace: true, coverageAnalysis: 'perTest', concurrency: 2, timeoutMS: 20000, disableTypeChecks: false,
  checkers: [], reporters: ['progress-append-only'], allowConsoleColors: false, mutator: { excludedMutations: ['StringLiteral', 'ObjectLiteral'] },
  tempDirName: '.stryker-tmp', ignorePatterns: ['node_modules'], allowEmpty: true,
}).runMutationTest()
writeFileSync(out, JSON.stringify(results))
