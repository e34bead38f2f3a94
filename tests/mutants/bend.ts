import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogLevel } from '@stryker-mutator/api/core'
import { Stryker } from '@stryker-mutator/core'

const [out, mutate, suites] = process.argv.slice(2) as [string, string, string]

/** Wide enough for a machine that is busy: what loops is found by counting, and this long is waited only for what hangs. */
const TIMEOUT_MS = 10_000

// In place: the folder is a copy already, and the links to our packages have to lead to what is bent.
const results = await new Stryker({
  mutate: mutate.split(','),
  suites: suites.split(','),
  testRunner: 'suites',
  plugins: ['runner.ts', 'prose.ts'].map((name) => join(import.meta.dirname, name)),
  ignorers: ['prose'],
  mutator: { excludedMutations: ['StringLiteral', 'ObjectLiteral'] },
  coverageAnalysis: 'perTest',
  inPlace: true,
  ignorePatterns: ['node_modules'],
  tempDirName: '.mutants',
  timeoutMS: TIMEOUT_MS,
  disableTypeChecks: false,
  reporters: ['progress-append-only'],
  logLevel: 'warn' as LogLevel,
  warnings: false,
  allowConsoleColors: false,
}).runMutationTest()
writeFileSync(out, JSON.stringify(results))
