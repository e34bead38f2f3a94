import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { HeliaEngine } from '@symbiosis/host/helia'
import { Failure, type OpenService, type Provided, type ServicePlace } from '@symbiosis/protocol'

/** A service that a host can open, by the name of its package. */
export interface LoadedService {
  readonly id: string
  readonly open: OpenService
}

/**
 * Loads the service of a package: one that is installed where the command is run, or a folder. Its code runs with all the rights of the
 * host: naming it is the operator's decision, and nobody else can.
 * @throws Failure NotFound (no such package, or one without `./host`), Unsupported (what it exports is no service), Unavailable (it fails to load)
 */
export const loadServicePackage = async (name: string): Promise<LoadedService> => {
  const { id, file } = locate(name)
  const { default: open } = await load(name, file)
  if (typeof open !== 'function') {
    throw new Failure('Unsupported', `The package ${name} exports no service: the default of its "./host" is no function.`, {
      hint: EXAMPLE,
    })
  }
  return { id, open: open as OpenService }
}

/**
 * Opens a service in its place on a host whose folder is `dir`: the only way in, for our own as for others'.
 * @throws Failure Unsupported (what it opens is no service), Unavailable (it fails to open), and what it throws itself
 */
export const openService = async ({ id, open }: LoadedService, dir: string, engine: HeliaEngine): Promise<Provided> => {
  const place = { dir: join(dir, 'services', id.replaceAll('/', '+')), blocks: engine, routing: engine.routing }
  mkdirSync(place.dir, { recursive: true, mode: 0o700 })
  const provided = await opened(id, open, place)
  if (!isProvided(provided)) {
    throw new Failure('Unsupported', `The package ${id} exports no service: what its "./host" opens is none.`, { hint: EXAMPLE })
  }
  return provided
}

const EXAMPLE = 'Make one to look at: npm create symbiosis-service NAME'

const locate = (name: string): { id: string; file: string } => {
  const isFolder = /^\.{0,2}[\\/]|^\.{1,2}$/.test(name) || isAbsolute(name)
  const manifest = isFolder ? join(resolve(name), 'package.json') : undefined
  if (manifest && !existsSync(manifest))
    throw new Failure('NotFound', `There is no package in the folder ${name}.`, { hint: 'Name a folder that has a package.json.' })
  const id = manifest ? nameIn(manifest) : name
  // A package may always resolve itself by its name, as whoever installed it does.
  const require = createRequire(manifest ?? join(process.cwd(), 'package.json'))
  try {
    return { id, file: require.resolve(`${id}/host`) }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const lacks = code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
    const message = lacks
      ? `The package ${name} has no "./host" among its exports.`
      : `There is no package ${name} here, or it is not built.`
    const hint = lacks ? EXAMPLE : isFolder ? 'Build it first: npm run build' : `Install it first: npm install ${name}`
    throw new Failure('NotFound', message, { hint }, { cause })
  }
}

const nameIn = (manifest: string): string => {
  try {
    const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown }
    if (typeof name === 'string' && name !== '') return name
  } catch {
    // the refusal below says it
  }
  throw new Failure('Unsupported', `The file ${manifest} names no package.`, { hint: EXAMPLE })
}

const load = async (name: string, file: string): Promise<{ default?: unknown }> => {
  if (!existsSync(file)) {
    throw new Failure('NotFound', `The package ${name} is not built: ${file} is missing.`, { hint: 'Build it first: npm run build' })
  }
  try {
    return (await import(pathToFileURL(file).href)) as { default?: unknown }
  } catch (cause) {
    throw broken(name, cause)
  }
}

const opened = async (name: string, open: OpenService, place: ServicePlace): Promise<Provided> => {
  try {
    return await open(place)
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw broken(name, cause)
  }
}

const broken = (name: string, cause: unknown): Failure =>
  new Failure('Unavailable', `The package ${name} fails to load: ${cause instanceof Error ? cause.message : String(cause)}`, {}, { cause })

const isProvided = (value: unknown): value is Provided => {
  const { service, handlers, hooks } = (value ?? {}) as Partial<Provided>
  return (
    typeof service?.id === 'string' && typeof service.abilities === 'object' && typeof handlers === 'object' && typeof hooks === 'object'
  )
}
