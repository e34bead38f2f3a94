import type { Report } from './fuzzing.ts'

const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`
const ms = (milliseconds: number) => `${milliseconds.toFixed(2)} ms`
const sorted = (counts: ReadonlyMap<string, number>) =>
  [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

/** A run in figures, for people. */
export const summary = ({ seed, done, seconds, codes, layers, suspects, slowestSuspect, slowestAnswer, before, after }: Report): string =>
  [
    `seed ${seed}: ${done} messages in ${seconds.toFixed(0)} s, ${Math.round(done / seconds)}/s`,
    `cost, CPU of the host: mean ≤ ${ms(after.mean)}, most ≤ ${ms(after.most)} among others; ${suspects} looked costlier and were sent again alone: most ${ms(slowestSuspect)}`,
    `longest turn of the event loop, CPU: ${ms(after.longestTurn)}; by the clock: event loop late by ${ms(after.delay)}, slowest answer ${ms(slowestAnswer)}`,
    `memory of the host: ${mb(before.rss)} before, ${mb(after.rss)} after; heap ${mb(before.heapUsed)}, ${mb(after.heapUsed)}`,
    `answers: ${sorted(codes)}`,
    `mutated: ${sorted(layers)}`,
  ].join('\n')
