import { existsSync, readFileSync } from 'node:fs'
import { decode, encode, Failure, type Value } from '@symbiosis/protocol'
import { type Change, compareServices, readService, type ServiceDescription } from '@symbiosis/protocol/manifest'
import type { Command } from 'commander'
import { readManifest, servicesOf } from '../manifest-reader.ts'
import { collect } from '../options.ts'
import type { Output } from '../output.ts'
import { act, type Run } from '../run.ts'
import { plain, table } from '../text.ts'

const PLACE = 'a file that `describe --json` wrote, or a host by its address or name'

export const compare = (program: Command): Command =>
  program
    .command('compare')
    .argument('<before>', PLACE)
    .argument('<after>', PLACE)
    .description('Say what changed between two revisions of services, and whether it may be under their ids')
    .option('--service <id>', 'this one only; may be given several times', collect)
    .action(
      act<[string, string], { service?: string[] }>(async (run, { service }, before, after) => {
        const [old, fresh] = [await servicesAt(before, run), await servicesAt(after, run)]
        const changes = compareAll(old, fresh, service ?? [...old.keys()])
        run.output.result({ changes }, text(changes, run.output))
        if (changes.some(({ compatible }) => !compatible)) process.exitCode = 1
      }),
    )

const compareAll = (before: Services, after: Services, ids: readonly string[]): Change[] =>
  ids.flatMap((id) => {
    const [old, fresh] = [before.get(id), after.get(id)]
    if (!old) throw new Failure('NotFound', `There was no service "${id}".`, { field: 'service' })
    if (!fresh) return [{ path: id, what: 'is gone', compatible: false }]
    return compareServices(old, fresh).map((change) => ({
      ...change,
      path: change.path.startsWith(`${id}/`) ? change.path : `${id}: ${change.path}`,
    }))
  })

type Services = ReadonlyMap<string, ServiceDescription>

const servicesAt = async (place: string, run: Run): Promise<Services> => {
  const services = existsSync(place) ? servicesIn(place) : servicesOf(await readManifest(place, run))
  return new Map(services.map((service) => [service.id, service]))
}

/** A file is held to what a manifest has to be. */
const servicesIn = (path: string): ServiceDescription[] => {
  const { services } = valueIn(path) as { readonly services?: Value }
  if (!Array.isArray(services))
    throw new Failure('Malformed', `The file ${path} has no services.`, { hint: 'Write one: symbiosis describe URL --json' })
  return (services as Value[]).map((service) => readService(service))
}

/** JSON, as far as a manifest could hold it. */
const valueIn = (path: string): object => {
  const text = readFileSync(path, 'utf8')
  try {
    return Object(decode(encode(JSON.parse(text))))
  } catch (cause) {
    throw new Failure('Malformed', `The file ${path} is not JSON of a manifest.`, {}, { cause })
  }
}

const text = (changes: readonly Change[], { paint }: Output): string =>
  changes.length === 0
    ? '  Nothing has changed.'
    : table(changes.map(({ path, what, compatible }) => [compatible ? paint('green', '✓') : paint('red', '✗'), plain(path), plain(what)]))
