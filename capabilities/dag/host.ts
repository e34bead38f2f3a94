import {
  type Blocks,
  brief,
  type DID,
  type Environment,
  Failure,
  type Kept,
  type OpenService,
  type Provided,
  provide,
  writeCarStream,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { Importing } from './importing.ts'
import { dag } from './index.ts'
import { BATCHES, eraseStaged, IMPORTS, readStaged, type Staged, writeStaged } from './record.ts'

/** What pushing and pulling need of a host's blocks. */
export type DagBlocks = Pick<Blocks, 'store' | 'walk'>

/** The limits of importing and exporting. */
export interface DagSettings {
  /** Bytes of one block. Default 2 MiB. */
  maxBlockBytes: number
  /** Blocks of one import, over all the calls that bring it. Default 1 000 000: they take some 100 bytes of memory each. */
  maxBlocks: number
  /** A batch is stored when it has so many bytes, or so many blocks. Default 4 MiB. */
  batchBytes: number
  /** Default 256. */
  batchBlocks: number
  /** Imports at a time. Default 64. */
  imports: number
  /** The same of one space. Default 8. */
  importsPerSpace: number
  /** What was pushed and isn't held by then goes so long after its last block, seconds. Default 86 400. */
  keepFor: number
  /** How often that is looked at, ms. Default 600 000. */
  sweepEveryMs: number
}

const DEFAULTS: DagSettings = {
  maxBlockBytes: 2 * 1024 * 1024,
  maxBlocks: 1_000_000,
  batchBytes: 4 * 1024 * 1024,
  batchBlocks: 256,
  imports: 64,
  importsPerSpace: 8,
  keepFor: 86_400,
  sweepEveryMs: 600_000,
}

interface Running {
  readonly space: DID
  readonly takeover: AbortController
  readonly done: Promise<unknown>
}

/** Takes content from those who can't be dialled, and gives out what a space holds. */
export const dagService = (blocks: DagBlocks, options: Partial<DagSettings> = {}): Provided => {
  const settings = { ...DEFAULTS, ...options }
  /** One at a time for each import: whoever comes later takes over, since the earlier may be a connection that is dead already. */
  const running = new Map<string, Running>()
  let environment: Environment | undefined
  let timer: ReturnType<typeof setInterval> | undefined
  let sweeping = Promise.resolve()
  const now = () => environment?.now() ?? 0

  const exclusively = async <T>(space: DID, root: CID, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const key = `${space} ${root}`
    for (let earlier = running.get(key); earlier; earlier = running.get(key)) {
      earlier.takeover.abort(takenOver(root))
      await earlier.done
    }
    const takeover = new AbortController()
    const { promise: done, resolve } = Promise.withResolvers<void>()
    running.set(key, { space, takeover, done })
    try {
      return await work(takeover.signal)
    } finally {
      running.delete(key)
      resolve()
    }
  }

  const release = async (space: DID, root: CID): Promise<void> => {
    await environment?.space(space).commit(async (tx) => {
      const staged = await readStaged(tx, root)
      if (staged) await eraseStaged(tx, staged)
    })
  }

  /** Lets go of what was pushed and is now held, or was left lying. */
  const sweep = async ({ every, space: spaceOf, log, signal }: Environment): Promise<void> => {
    for await (const { space, value } of every(IMPORTS)) {
      if (signal.aborted) return
      const { root, touched } = value as unknown as Staged
      const held = (await spaceOf(space).holds(root))?.complete
      if (running.has(`${space} ${root}`)) continue
      if (!held && touched + settings.keepFor > now()) continue
      if (!held) log('an import was left lying and is let go', { space, root: String(root) })
      await exclusively(space, root, () => release(space, root))
    }
  }

  const mustHaveRoom = (space: DID, root: CID): void => {
    const others = [...running].filter(([key]) => key !== `${space} ${root}`).map(([, { space: whose }]) => whose)
    const mine = others.filter((whose) => whose === space).length
    if (others.length < settings.imports && mine < settings.importsPerSpace) return
    throw new Failure('RateLimited', `${mine} imports of this space, and ${others.length} in all, are under way.`, { retryAfter: 1 })
  }

  return provide(
    dag,
    {
      async import({ root: asked, more = false }, context) {
        const root = asked.toV1()
        mustHaveRoom(context.space, root)
        return exclusively(context.space, root, async (takeover) => {
          const signal = AbortSignal.any([context.signal, takeover])
          const importing = new Importing(blocks, settings, context, root, now)
          await importing.run(signal)
          // Once complete it stays so: blocks are only added.
          const complete = (await readStaged(context, root))?.complete || (!more && (await importing.isComplete(signal)))
          return context.commit(async (tx) => {
            const staged = await readStaged(tx, root)
            const held = (await tx.holds(root))?.complete === true
            if (staged && held) await eraseStaged(tx, staged)
            else if (staged) await writeStaged(tx, { ...staged, complete, touched: now() })
            return { root, blocks: staged?.blocks ?? 0, bytes: staged?.bytes ?? 0, complete: complete || held }
          })
        })
      },
      async status({ root: asked }, context) {
        const root = asked.toV1()
        const { blocks, bytes, complete } = (await readStaged(context, root)) ?? { blocks: 0, bytes: 0, complete: false }
        return { blocks, bytes, complete: complete || (await context.holds(root))?.complete === true }
      },
      async export({ root: asked }, context) {
        const root = asked.toV1()
        const readable = (await context.holds(root))?.complete || (await readStaged(context, root))?.complete
        if (!readable) throw absent(root)
        return { ok: { root }, body: writeCarStream([root], blocks.walk(root, { signal: context.signal })) }
      },
    },
    {
      open(opened) {
        environment = opened
        const run = () => {
          sweeping = sweeping.then(() => sweep(opened)).catch((reason: unknown) => opened.log('imports could not be swept', { reason }))
        }
        run()
        timer = setInterval(run, settings.sweepEveryMs)
        ;(timer as { unref?(): void }).unref?.()
      },
      async close() {
        clearInterval(timer)
        await sweeping
      },
      async held(space, root) {
        if (!environment) return
        try {
          const workspace = environment.space(space)
          const done = (await readStaged(workspace, root)) && (await workspace.holds(root))?.complete
          // One under way looks for itself when it ends.
          if (done && !running.has(`${space} ${root}`)) await exclusively(space, root, () => release(space, root))
        } catch (reason) {
          // The hold stands; what was pushed goes with the next sweep.
          environment.log('an import could not be let go', { space, root: String(root), reason })
        }
      },
      async *keep(): AsyncGenerator<Kept> {
        if (!environment) return
        for await (const { value } of environment.every(BATCHES)) {
          for (const cid of value as readonly CID[]) yield { cid, deep: false }
        }
      },
    },
  )
}

/** By this a host opens it with its defaults. */
const open: OpenService = ({ blocks }) => dagService(blocks)

export default open

const takenOver = (root: CID): Failure =>
  new Failure('Cancelled', `A later import of ${brief(root)} took over; nothing is lost.`, { link: String(root) })

/** The same for what is absent, incomplete, and for what another space has. */
const absent = (root: CID): Failure =>
  new Failure('NotFound', `This space holds no whole DAG ${brief(root)}.`, { link: String(root), hint: 'Pin it, or push it whole, first.' })
