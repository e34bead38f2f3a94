import assert from 'node:assert/strict'
import { formatBytes, formatDuration, parseBytes, parseDuration } from '@symbiosis/symbiont'
import { refused } from './world.ts'

describe('amounts as people write them', () => {
  it('reads sizes', () => {
    const sizes = { '2 GB': 2e9, '2gb': 2e9, '1.5 kB': 1500, '512MiB': 512 * 2 ** 20, '1024': 1024, '0': 0, ' 7 b ': 7, '1 PiB': 2 ** 50 }
    for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseBytes(text), bytes, text)
    assert.equal(parseBytes(12), 12)
  })

  it('reads durations', () => {
    const durations = { '30d': 2_592_000, '1h30m': 5400, '90 s': 90, '90': 90, '2w': 1_209_600, '1y': 31_536_000, '0.5h': 1800 }
    for (const [text, seconds] of Object.entries(durations)) assert.equal(parseDuration(text), seconds, text)
    assert.equal(parseDuration(60), 60)
  })

  it('refuses what is neither', async () => {
    for (const text of ['', 'GB', '-1', '1e9', '2 XB', '2 toString', '1 constructor', '9999999 PB', 'NaN', '1,5 GB']) {
      assert.equal((await refused(() => parseBytes(text))).name, 'InvalidInput', text)
    }
    for (const text of ['', '0', 'd', '-1d', '1 fortnight', '5d later', '0d', 'Infinity']) {
      assert.equal((await refused(() => parseDuration(text))).name, 'InvalidInput', text)
    }
  })

  it('writes them', () => {
    const sizes = { '0 B': 0, '999 B': 999, '1 kB': 1000, '104.9 MB': 104_857_600, '2 GB': 2e9, '1.0 MB': 999_960 }
    for (const [text, bytes] of Object.entries(sizes)) assert.equal(formatBytes(bytes), text)
    const durations = {
      '30 days': 2_592_000,
      '1 day': 86_400,
      '36 hours': 129_600,
      '90 minutes': 5400,
      '0 seconds': 0,
      '1 second': 1,
      '61 seconds': 61,
    }
    for (const [text, seconds] of Object.entries(durations)) assert.equal(formatDuration(seconds), text)
  })
})
