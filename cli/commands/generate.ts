import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Manifest, ServiceDescription } from '@symbiosis/protocol/manifest'
import type { Command } from 'commander'
import { jsonSchemaOf } from '../generating/json-schema.ts'
import { pagesOf } from '../generating/pages.ts'
import { typescriptOf } from '../generating/typescript.ts'
import { readManifest, servicesOf } from '../manifest-reader.ts'
import { collect, HOST_PLACE } from '../options.ts'
import type { Output } from '../output.ts'
import { act } from '../run.ts'

/** What is made of a manifest, for programs and people. */
export const types = (program: Command): Command =>
  written(program, 'types', 'Write TypeScript for calling what a host leases, by its manifest', (manifest, services) =>
    typescriptOf(manifest, services),
  )

export const schema = (program: Command): Command =>
  written(program, 'schema', 'Write JSON Schema of what a host leases, by its manifest, for other tools', (manifest, services) => {
    const documents = services.map((service) => jsonSchemaOf(manifest, service))
    return `${JSON.stringify(documents.length === 1 ? documents[0] : documents, null, 2)}\n`
  })

export const docs = (program: Command): Command =>
  program
    .command('docs')
    .argument('[host]', HOST_PLACE)
    .description('Write a page for each service of a host, by its manifest')
    .requiredOption('-o, --output <folder>', 'where to')
    .option('--service <id>', 'this one only; may be given several times', collect)
    .action(
      act<[string?], { output: string; service?: string[] }>(async (run, { output: folder, service }, host) => {
        const manifest = await readManifest(host, run)
        const pages = pagesOf(manifest, servicesOf(manifest, service))
        mkdirSync(folder, { recursive: true })
        const files = [...pages].map(([name, text]) => write(join(folder, name), text))
        tellWritten(run.output, manifest, files)
      }),
    )

const written = (
  program: Command,
  name: string,
  description: string,
  make: (manifest: Manifest, services: readonly ServiceDescription[]) => string,
): Command =>
  program
    .command(name)
    .argument('[host]', HOST_PLACE)
    .description(description)
    .option('-o, --output <file>', 'where to (default: stdout)')
    .option('--service <id>', 'this one only; may be given several times', collect)
    .action(
      act<[string?], { output?: string; service?: string[] }>(async (run, { output: file, service }, host) => {
        const manifest = await readManifest(host, run)
        const text = make(manifest, servicesOf(manifest, service))
        if (file !== undefined) tellWritten(run.output, manifest, [write(file, text)])
        else run.output.result({ host: manifest.host, seq: manifest.seq, text }, text.trimEnd())
      }),
    )

const write = (path: string, text: string): string => {
  writeFileSync(path, text)
  return path
}

const tellWritten = (output: Output, { host, seq }: Manifest, files: readonly string[]): void =>
  output.result({ host, seq, files }, files.map((file) => `  ${output.paint('green', '✓')} ${file}`).join('\n'))
