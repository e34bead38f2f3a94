import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { access, decode, encode, operator, revocation, type Service } from '@symbiosis/protocol'
import { type Change, compareServices, dagJson, describeService, manifest, type ServiceDescription } from '@symbiosis/protocol/manifest'
import { log } from '@symbiosis/protocol/revocation'
import { root } from '../tree.ts'

/** Where the shapes of the last release are. */
export const RELEASED = join(import.meta.dirname, 'released')

/** What every host has, beside the services of `capabilities`. */
const KERNEL: readonly Service[] = [access, log, manifest, operator, revocation]

const isService = (value: unknown): value is Service =>
  typeof value === 'object' && value !== null && 'abilities' in value && 'rev' in value

/** Every service of this repository. */
export const ourServices = async (): Promise<Service[]> => {
  const contracts = globSync('capabilities/*/index.ts', { cwd: root }).sort()
  const modules = await Promise.all(contracts.map((path) => import(join(root, path)) as Promise<object>))
  return [...KERNEL, ...modules.flatMap((module) => Object.values(module).filter(isService))]
}

/** The shapes of a release, by the ids of the services. */
export const releasedShapes = (folder = RELEASED): Map<string, ServiceDescription> =>
  new Map(
    globSync('*.json', { cwd: folder })
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ServiceDescription)
      .map((shape) => [shape.id, shape]),
  )

/** A service as it would stand in a manifest, without terms. */
const shapeOf = (service: Service): ServiceDescription => decode(encode(describeService(service))) as unknown as ServiceDescription

/** What of a service is not compatible with its last release. */
export const broken = (released: ServiceDescription, service: Service): Change[] =>
  compareServices(released, shapeOf(service)).filter(({ compatible }) => !compatible)

/**
 * Takes what the services are now for released, and says which have changed. Before anything is written, all are compared: what isn't compatible is refused,
 * but for services that are named to be begun `anew`. That breaks who uses them, deliberately.
 */
export const release = (services: readonly Service[], anew: readonly string[] = [], folder = RELEASED): string[] => {
  const released = releasedShapes(folder)
  for (const service of services) {
    const before = released.get(service.id)
    const changes = before && !anew.includes(service.id) ? broken(before, service) : []
    if (changes.length > 0) throw new Error([`${service.id}:`, ...changes.map(({ path, what }) => `  ${path} ${what}`), ADVICE].join('\n'))
  }
  return services.flatMap((service) => {
    // Keys in order and one a line, so that a change shows as what it is.
    const text = `${JSON.stringify(JSON.parse(dagJson(shapeOf(service) as never)), null, 2)}\n`
    const path = join(folder, `${service.id}.json`)
    if (existsSync(path) && readFileSync(path, 'utf8') === text) return []
    writeFileSync(path, text)
    return [service.id]
  })
}

const ADVICE = 'It needs a new id, or a new ability beside the old one. To break who uses it all the same: npm run shapes -- ID'

if (import.meta.main) {
  const written = release(await ourServices(), process.argv.slice(2))
  console.log(written.length > 0 ? `changed: ${written.join(', ')}` : 'nothing has changed')
}
