import type { LoggedManifest, ServiceDescription } from '@symbiosis/protocol/manifest'
import { formatDuration } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import { amountText } from '../lease-table.ts'
import { readManifest, servicesOf } from '../manifest-reader.ts'
import { collect, HOST_PLACE } from '../options.ts'
import type { Output } from '../output.ts'
import { act } from '../run.ts'
import { fields, plain, table, timeText } from '../text.ts'

export const describe = (program: Command): Command =>
  program
    .command('describe')
    .argument('[host]', HOST_PLACE)
    .description('Show what a host leases and how it is called, as its manifest says')
    .option('--service <id>', 'this one only; may be given several times', collect)
    .action(
      act<[string?], { service?: string[] }>(async (run, { service }, host) => {
        const manifest = await readManifest(host, run)
        const services = servicesOf(manifest, service)
        const { blocks: _, checkpoint, ...data } = manifest
        run.output.result({ ...data, entries: checkpoint.size, services }, text(manifest, services, run.output))
      }),
    )

const text = (
  { host, seq, expires, endpoints, checkpoint: { size } }: LoggedManifest,
  services: readonly ServiceDescription[],
  output: Output,
): string => {
  const dim = (words: string) => output.paint('dim', words)
  return [
    fields(
      {
        host,
        manifest: `${seq}, good until ${timeText(expires)}`,
        log: `has it, among ${size} entries`,
        reached: endpoints.map(plain).join(' '),
      },
      '  ',
      dim,
    ),
    ...services.flatMap((service) => ['', ...serviceText(service, output)]),
  ].join('\n')
}

const serviceText = ({ id, rev, about, abilities, limits, terms }: ServiceDescription, { paint }: Output): string[] => {
  const dim = (words: string) => paint('dim', words)
  const { maxLease, ...said } = terms
  const bounds = Object.entries(limits).map(([name, { unit, about: what, default: amount }]) => [
    dim(name),
    `${amountText(unit === 'bytes' ? 'bytes' : name, amount)} unless asked for otherwise: ${plain(what)}`,
  ])
  const more = [...Object.entries(said), ...(maxLease === undefined ? [] : [['lease', `${formatDuration(maxLease)} at the most`] as const])]
  return [
    `  ${paint('bold', id)} ${dim(`revision ${rev}`)}   ${plain(about)}`,
    table(
      Object.entries(abilities).map(([can, { about: what, authority, stream, errors }]) => [
        can,
        plain(what),
        dim([authority, ...(stream === 'none' ? [] : [`streams ${stream}`]), ...Object.keys(errors)].join(', ')),
      ]),
      '    ',
    ),
    ...(bounds.length + more.length > 0
      ? [table([...bounds, ...more.map(([name, value]) => [dim(name), plain(String(value))])], '    ')]
      : []),
  ]
}
