import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { median, type Plan } from './rounds.ts'
import type { Row } from './run.ts'
import type { Post } from './serving.ts'

const KINDS = {
  ours: 'ours, owner chain 1 and lease',
  stock: 'stock, owner chain 1 and lease as a virtual claim',
  jwt: 'JSON RPC with an EdDSA JWT by jose and a signed reply',
} as const

const start = async (url: string, ...args: string[]): Promise<{ child: ChildProcess; hello: { url: string } }> => {
  const child = fork(new URL(url), args, { serialization: 'advanced' })
  const [hello] = await once(child, 'message')
  return { child, hello }
}

const ask = async <T>(child: ChildProcess, question: object): Promise<T> => {
  child.send(question)
  const [answer] = await once(child, 'message')
  return answer as T
}

interface Figures {
  cpu: number[]
  rate: number[]
  count: number
}

/** Calls over loopback HTTP, server and callers each in a process of their own, 16 connections that stay open. */
export const overHttp = async ({ rounds, batchMs }: Plan): Promise<Row[]> => {
  const load = (await start(import.meta.resolve('./loading.ts'))).child
  const servers = await Promise.all(
    Object.entries(KINDS).map(async ([kind, name]) => {
      const { child, hello } = await start(import.meta.resolve('./serving.ts'), kind)
      return { child, name, url: hello.url, figures: { cpu: [], rate: [], count: 64 } as Figures }
    }),
  )
  const round = async ({ child, url, figures }: (typeof servers)[number]) => {
    const { posts } = await ask<{ posts: Post[] }>(child, { prepare: figures.count })
    const before = await ask<{ cpu: number }>(child, { cpu: true })
    const { seconds } = await ask<{ seconds: number }>(load, { url, posts })
    const after = await ask<{ cpu: number }>(child, { cpu: true })
    return { cpu: (after.cpu - before.cpu) / posts.length, rate: posts.length / seconds }
  }
  for (const server of servers) {
    await round(server)
    const { rate } = await round(server)
    server.figures.count = Math.max(32, Math.round((rate * batchMs * 10) / 1000))
    await round(server)
  }
  for (let index = 0; index < Math.ceil(rounds / 2); index++) {
    for (const server of servers) {
      const { cpu, rate } = await round(server)
      server.figures.cpu.push(cpu)
      server.figures.rate.push(rate)
    }
  }
  for (const child of [load, ...servers.map(({ child }) => child)]) child.disconnect()
  const base = servers.find(({ name }) => name === KINDS.jwt)?.figures as Figures
  return servers.flatMap(({ name, figures: { cpu, rate } }) => [
    { name: `over HTTP: ${name}`, value: median(cpu), unit: 'µs CPU of the server' },
    { name: `over HTTP: ${name}`, value: median(rate), unit: 'calls/s' },
    ...(name === KINDS.jwt
      ? []
      : [
          {
            name: `over HTTP: ${name}, CPU against the JWT`,
            value: median(cpu.map((each, at) => each / (base.cpu[at] as number))),
            unit: '×',
          },
          {
            name: `over HTTP: ${name}, rate against the JWT`,
            value: median(rate.map((each, at) => each / (base.rate[at] as number))),
            unit: '×',
          },
        ]),
  ])
}
