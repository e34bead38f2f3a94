import assert from 'node:assert/strict'
import { caseOf } from './cases.ts'
import { fuzz } from './fuzzing.ts'
import { openStage } from './stage.ts'
import { summary } from './summary.ts'

/** A seed of its own would make a run that nobody can repeat; the long run has one. */
const SEED = 1
const MB = 2 ** 20

describe('the fuzzer', () => {
  it('finds what it looks for, where it is', async function () {
    this.timeout(120_000)
    const { findings } = await fuzz({ seed: SEED, count: 64, host: new URL('./faulty-host.ts', import.meta.url) })
    const found = findings.list.map(({ what }) => what)
    for (const expected of [
      /tells of the host's insides/,
      /has the status 500/,
      /"Oops" is in no list/,
      /the host failed within/,
      /can't be read/,
      /cut without an answer/,
      /costs [\d.]+ ms/,
      /unhandledRejection/,
      /a good call is no longer answered/,
    ]) {
      assert.ok(
        found.some((what) => expected.test(what)),
        `${expected} was not found:\n${found.join('\n')}`,
      )
    }
    const stage = openStage()
    for (const { index, bytes } of findings.list.flatMap(({ cases }) => cases)) assert.deepEqual(bytes, caseOf(SEED, index, stage).bytes)
    findings.discard()
  })

  it('makes every case again from its seed and its index', () => {
    const [first, second] = [openStage(), openStage()]
    for (let index = 0; index < 500; index++) assert.deepEqual(caseOf(7, index, first), caseOf(7, index, second))
    assert.notDeepEqual(caseOf(7, 0, first).bytes, caseOf(8, 0, first).bytes)
  })
})

describe('a host under malformed and mutated messages', () => {
  it('answers each with a type, none dearly, and stays as it was', async function () {
    this.timeout(300_000)
    const report = await fuzz({ seed: SEED, count: 20_000 })
    console.log(summary(report).replace(/^/gm, '      '))
    assert.equal(report.findings.total, 0, String(report.findings))
    assert.equal(report.done, 20_000)
    // Where nearly nothing gets through, nothing behind the door is tried.
    for (const code of [
      'receipt ok',
      'receipt NotOwner',
      'receipt NoLease',
      'receipt InvalidInput',
      'http Malformed',
      'http NotCanonical',
      'http BadHash',
    ])
      assert.ok((report.codes.get(code) ?? 0) > 200, `${code}: ${report.codes.get(code)}`)
    assert.ok(report.after.heapUsed < report.before.heapUsed + 64 * MB, `the heap grew to ${report.after.heapUsed / MB} MB`)
  })
})
