import { type DID, Failure, isDid } from '@symbiosis/protocol'
import { parseBytes, parseDuration } from '@symbiosis/symbiont'
import { InvalidArgumentError } from 'commander'
import { CID } from 'multiformats/cid'

/** What is typed wrongly is a matter of usage, not a refusal. */
const typed =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text)
    } catch (thrown) {
      if (thrown instanceof Failure) throw new InvalidArgumentError([thrown.message, thrown.details.hint].filter(Boolean).join(' '))
      throw thrown
    }
  }

export const bytesOption = typed(parseBytes)
/** Seconds. */
export const durationOption = typed(parseDuration)

/** Seconds, 0 for never. */
export const neverOrDuration = (text: string): number => (text === 'never' ? 0 : durationOption(text))

export const countOption = (text: string): number => {
  const count = Number(text)
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(count)) throw new InvalidArgumentError('It is no number of them: write 1 or more.')
  return count
}

export const cidArgument = (text: string): CID => {
  try {
    return CID.parse(text.replace(/^\/?ipfs(:\/)?\//, ''))
  } catch {
    throw new InvalidArgumentError('It is no CID.')
  }
}

export const didArgument = (text: string): DID => {
  if (!isDid(text)) throw new InvalidArgumentError('It is no DID, such as did:key:z6Mk...')
  return text as DID
}

export const portOption = (text: string): number => {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('It is no port: use 0 to 65535, where 0 takes a free one.')
  return port
}

export const peersOption = (text: string): number => {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || count > 1000) throw new InvalidArgumentError('Use 1 to 1000.')
  return count
}

/** How a host is named where its address will do. */
export const HOST_PLACE = "its address, or the name of a host that was paired with (default: this machine's own host)"

/** For options that may be given several times. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value]

/** `pin`, `pin/*`, `pin/add`: gathered where there are several. */
export const abilityArgument = (text: string, before: string[] = []): string[] => {
  const can = text.trim().toLowerCase()
  if (/^[a-z][a-z0-9-]*$/.test(can)) return [...before, `${can}/*`]
  if (/^[a-z][a-z0-9-]*\/(\*|[a-z][a-z0-9]*)$/.test(can)) return [...before, can]
  throw new InvalidArgumentError('It is no ability: write pin, pin/* or pin/add.')
}

/** The same, or `*` for all. */
export const abilityOrAll = (text: string, before: string[] = []): string[] =>
  text.trim() === '*' ? [...before, '*'] : abilityArgument(text, before)
