import { join } from 'node:path'
import type { CoverageData, InstrumenterContext, MutantCoverage, StrykerOptions } from '@stryker-mutator/api/core'
import { commonTokens, declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin'
import {
  type CompleteDryRunResult,
  type DryRunOptions,
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  MutantRunStatus,
  type TestResult,
  type TestRunner,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner'
import Mocha from 'mocha'

const { EVENT_HOOK_BEGIN, EVENT_TEST_BEGIN, EVENT_TEST_FAIL, EVENT_TEST_PASS } = Mocha.Runner.constants

/** What the instrumented sources read and count. */
const instrumented = (): InstrumenterContext => {
  const scope = globalThis as { __stryker__?: InstrumenterContext }
  scope.__stryker__ ??= {}
  return scope.__stryker__
}

/**
 * Runs the suites in one process, again and again, with one mutant after the other. Stryker's own runner for Mocha reaches into files that Mocha
 * 12 has no more, and counts what a suite's hooks do as done while loading: such a mutant would need a new process and every test.
 */
class MochaRunner implements TestRunner {
  static readonly inject = tokens(commonTokens.options)
  readonly #suitePaths: readonly string[]
  readonly #mocha = new Mocha({ timeout: 0 })
  /** Tests by the key under which the work of their suite's hooks is counted. */
  readonly #suites = new Map<string, string[]>()
  #isLoaded = false
  #isFresh = true

  constructor(options: StrykerOptions & { suites?: readonly string[] }) {
    this.#suitePaths = options.suites ?? []
  }

  capabilities() {
    return { reloadEnvironment: false }
  }

  async init(): Promise<void> {
    this.#mocha.cleanReferencesAfterRun(false)
    for (const path of this.#suitePaths) this.#mocha.addFile(join(process.cwd(), path))
  }

  /** Twice, since tests that pass but once would kill every mutant after the first. */
  async dryRun({ disableBail }: DryRunOptions): Promise<DryRunResult> {
    await this.#load(undefined)
    const first = await this.#run(disableBail)
    if (first.tests.some(({ status }) => status === TestStatus.Failed)) return first
    // The sources hold on to this object.
    const coverage = instrumented().mutantCoverage ?? { static: {}, perTest: {} }
    const loading = coverage.static
    Object.assign(coverage, { static: {}, perTest: {} })
    const second = await this.#run(disableBail)
    return { ...second, mutantCoverage: this.#spread(loading, coverage) }
  }

  async mutantRun({ activeMutant, testFilter, disableBail, hitLimit, mutantActivation }: MutantRunOptions): Promise<MutantRunResult> {
    const context = instrumented()
    if (mutantActivation === 'static') {
      const failureMessage = await this.#load(activeMutant.id).then(
        () => undefined,
        (thrown: unknown) => `${thrown}`,
      )
      // It is noticed by all who load it.
      if (failureMessage !== undefined) return { status: MutantRunStatus.Killed, killedBy: [], failureMessage, nrOfTests: 0 }
    }
    await this.#load(undefined)
    const result = await this.#with(activeMutant.id, hitLimit, () => this.#run(disableBail, testFilter))
    const endless = determineHitLimitReached(context.hitCount, hitLimit)
    const verdict = toMutantRunResult(endless ?? result)
    const wasFresh = this.#isFresh
    this.#isFresh = false
    if (endless || wasFresh || verdict.status !== MutantRunStatus.Killed) return verdict
    // What an earlier mutant left behind fails without this one, too: the question is put again to a new process then.
    const again = await this.#run(disableBail, verdict.killedBy)
    if (again.tests.some(({ status }) => status === TestStatus.Failed)) throw new Error('An earlier mutant has left its traces.')
    return verdict
  }

  async #load(mutant: string | undefined): Promise<void> {
    if (this.#isLoaded) return
    this.#isLoaded = true
    instrumented().activeMutant = mutant
    await this.#mocha.loadFilesAsync()
  }

  async #with<T>(mutant: string, hitLimit: number | undefined, run: () => Promise<T>): Promise<T> {
    const context = instrumented()
    Object.assign(context, { activeMutant: mutant, hitLimit, hitCount: hitLimit === undefined ? undefined : 0 })
    try {
      return await run()
    } finally {
      Object.assign(context, { activeMutant: undefined, hitLimit: undefined })
    }
  }

  async #run(disableBail: boolean, only?: readonly string[]): Promise<CompleteDryRunResult> {
    const tests: TestResult[] = []
    setBail(this.#mocha.suite, !disableBail)
    this.#mocha.grep(only ? new RegExp(only.map((title) => `^${RegExp.escape(title)}$`).join('|')) : /^/)
    let started = performance.now()
    const ended = (
      test: Mocha.Runnable,
      result: { status: TestStatus.Success } | { status: TestStatus.Failed; failureMessage: string },
    ) => {
      const id = (test.ctx?.currentTest ?? test).fullTitle()
      tests.push({ id, name: id, timeSpentMs: Math.round(performance.now() - started), ...result })
      started = performance.now()
    }
    const keyOf = (hook: Mocha.Hook) => this.#keyOf(hook)
    // Takes the place of the reporter, so that nothing is printed.
    function listen(runner: Mocha.Runner) {
      runner.on(EVENT_HOOK_BEGIN, (hook) => {
        instrumented().currentTestId = keyOf(hook)
      })
      runner.on(EVENT_TEST_BEGIN, (test) => {
        instrumented().currentTestId = test.fullTitle()
      })
      runner.on(EVENT_TEST_PASS, (test) => ended(test, { status: TestStatus.Success }))
      runner.on(EVENT_TEST_FAIL, (test, error) => ended(test, { status: TestStatus.Failed, failureMessage: `${error?.message ?? error}` }))
    }
    this.#mocha.reporter(listen as unknown as Mocha.ReporterConstructor)
    await new Promise<void>((resolve) => this.#mocha.run(() => resolve()))
    return { status: DryRunStatus.Complete, tests }
  }

  #keyOf(hook: Mocha.Hook): string {
    const test = hook.ctx?.currentTest
    if (test) return test.fullTitle()
    const key = `the hooks of ${hook.parent?.fullTitle()}`
    const tests: string[] = []
    hook.parent?.eachTest((each) => tests.push(each.fullTitle()))
    this.#suites.set(key, tests)
    return key
  }

  /** What hooks ran counts for every test of their suite; what ran while loading, only where no test runs it. */
  #spread(loading: CoverageData, { perTest }: MutantCoverage): MutantCoverage {
    const spread: Record<string, CoverageData> = {}
    const add = (test: string, data: CoverageData) => {
      spread[test] ??= {}
      for (const [mutant, hits] of Object.entries(data)) spread[test][mutant] = (spread[test][mutant] ?? 0) + hits
    }
    for (const [key, data] of Object.entries(perTest)) for (const test of this.#suites.get(key) ?? [key]) add(test, data)
    const covered = new Set(Object.values(spread).flatMap((data) => Object.keys(data)))
    return { static: Object.fromEntries(Object.entries(loading).filter(([mutant]) => !covered.has(mutant))), perTest: spread }
  }
}

const setBail = (suite: Mocha.Suite, bail: boolean): void => {
  suite.bail(bail)
  for (const child of suite.suites) setBail(child, bail)
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'suites', MochaRunner)]
