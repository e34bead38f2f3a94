import { existsSync } from 'node:fs'
import { type Ability, type Answered, canOf, Failure, invoke, type Service, unwrap, type Value } from '@symbiosis/protocol'
import { contractOf, dagJson, fetchManifest, type Manifest } from '@symbiosis/protocol/manifest'
import type { Command } from 'commander'
import { bodyFrom, bodyTo } from '../bodies.ts'
import { fromDagJson } from '../dag-json.ts'
import { servicesOf } from '../manifest-reader.ts'
import { type HostPlace, operate } from '../operator.ts'
import { act, type Run } from '../run.ts'
import { escaped } from '../text.ts'
import { choiceOf, openWithSpace } from '../wallet.ts'

interface Options {
  in?: string
  out?: string
}

/** Calls any ability that a host has, by what its manifest says of it. */
export const call = (program: Command): Command =>
  calling(program, 'Call an ability of a service that has no command here').action(
    act<[string, string | undefined], Options>(async (run, options, can, input) => {
      await using symbiont = await openWithSpace(run)
      const choice = choiceOf(run)
      const manifest = await symbiont.manifest({ ...choice, signal: run.signal })
      const { contract, name } = find(manifest, can)
      if (contract.abilities[name]?.authority === 'operator')
        throw new Failure('NotOwner', `"${can}" is for who operates the host.`, { hint: `On its machine: symbiosis host call ${can}` })
      const at = { ...choice, host: manifest.host, signal: run.signal }
      await answer(run, options, contract, name, input, (nb, body) => symbiont.call(contract, name, nb, { ...at, ...body }))
    }),
  )

/** The same as who operates the host of this machine. */
export const callAsOperator = (host: Command): Command =>
  calling(host, 'Call an ability that is for operators').action(
    act<[string, string | undefined], Options & HostPlace>(async (run, options, can, input) => {
      const { caller } = await operate(options, run.signal)
      const { contract, name } = find(await fetchManifest(caller, { signal: run.signal }), can)
      if (contract.abilities[name]?.authority !== 'operator')
        throw new Failure('NotOwner', `"${can}" is for spaces, which a host is none of.`, { hint: `Lease it: symbiosis call ${can}` })
      await answer(run, options, contract, name, input, (nb, body) =>
        invoke(caller, contract, name, nb as never, { ...body, signal: run.signal }),
      )
    }),
  )

const calling = (above: Command, about: string): Command =>
  above
    .command('call')
    .argument('<ability>', 'such as thumbs/render: symbiosis describe shows what there is')
    .argument('[input]', 'as DAG-JSON, where links may be text: \'{ "name": "sea" }\'')
    .description(about)
    .option('--in <file>', 'what goes up beside it, for abilities that stream in; - is stdin')
    .option('--out <file>', 'where what streams back is written (default: stdout)')

/** @throws Failure NotFound, UnknownAbility */
const find = (manifest: Manifest, text: string): { contract: Service; name: string } => {
  const can = text.trim().toLowerCase()
  const [description] = servicesOf(manifest, [can.split('/', 1)[0] as string])
  const contract = contractOf(description as NonNullable<typeof description>)
  const names = Object.keys(contract.abilities)
  const name = names.find((each) => canOf(contract.id, each) === can)
  if (name) return { contract, name }
  throw new Failure('UnknownAbility', `The host has no ability "${text}".`, {
    field: 'ability',
    hint: `It has ${names.map((each) => `${contract.id}/${each}`).join(', ')}.`,
  })
}

const answer = async (
  run: Run,
  { in: from, out }: Options,
  contract: Service,
  name: string,
  input: string | undefined,
  send: (nb: object, body: { body?: ReadableStream<Uint8Array> }) => Promise<Answered<unknown>>,
): Promise<void> => {
  const ability = contract.abilities[name] as Ability
  mustFit(ability.stream, from, out, run)
  const nb = inputFrom(input ?? '{}', ability)
  const { result, body } = await send(nb, from === undefined ? {} : { body: await bodyFrom(from, run) })
  const text = dagJson(unwrap(result) as Value)
  const shown = escaped(run.output.json ? text : JSON.stringify(JSON.parse(text), null, 2))
  if (!body || out !== undefined) process.stdout.write(`${shown}\n`)
  else run.output.note(shown)
  if (body) await bodyTo(out, body, run)
}

/** That it fits the schema is for the call to say. */
const inputFrom = (text: string, { nb }: Ability): object => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // the refusal below says it
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return fromDagJson(json, nb) as object
  throw new Failure('InvalidInput', 'The input is no JSON object.', { field: 'input', hint: `Write it like '{ "name": "sea" }'.` })
}

/** What is left out or too much is a mistake before anything is sent. */
const mustFit = (stream: 'none' | 'in' | 'out', from: string | undefined, out: string | undefined, { output }: Run): void => {
  const say = (message: string, hint: string) => new Failure('InvalidInput', message, { hint })
  if (stream === 'in' && from === undefined) throw say('The ability takes bytes beside its input.', 'Name a file: --in FILE')
  if (stream !== 'in' && from !== undefined) throw say('The ability takes no bytes beside its input.', 'Leave --in out.')
  if (stream !== 'out' && out !== undefined)
    throw say('Nothing streams back from the ability.', 'Leave --out out: the answer is on stdout.')
  if (out !== undefined && existsSync(out)) throw say(`There is something at ${out} already.`, 'Name another file with --out.')
  if (stream === 'out' && output.json && out === undefined)
    throw say('stdout holds the bytes or JSON, not both.', 'Leave --json out, or name a file: --out FILE')
}
