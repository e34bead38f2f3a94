import type { JsonSchema } from '@symbiosis/protocol'
import type { ServiceDescription } from '@symbiosis/protocol/manifest'

/** Texts by which a host might try to get out of where they are put. */
export const NASTY = [
  '*/ export const pwned = 1 /*',
  '<script>pwned()</script>',
  '| pwned |',
  '[pwned](javascript:pwned)',
  '![pwned](http://pwned)',
  'http://pwned.test www.pwned.test pwned@pwned.test',
  '`pwned`',
  '\n# pwned',
  '\u2028pwned',
  "'; pwned; '",
  '"; pwned; "',
  '\\"pwned',
  '\u001b[2Jpwned',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what it must stay
  '${pwned}',
]

/** A service that is described by them. */
export const nasty = (id: string): ServiceDescription => {
  const fields = Object.fromEntries(NASTY.map((text) => [text, { type: 'string', description: text } as const]))
  const values: JsonSchema = { enum: NASTY }
  const shape: JsonSchema = {
    type: 'object',
    properties: { ...fields, values },
    required: [NASTY[0] as string],
    additionalProperties: false,
  }
  const about = NASTY.join(' ')
  return {
    id,
    rev: 1,
    about,
    abilities: {
      [`${id}/do`]: { name: 'do', about, authority: 'open', effect: 'read', stream: 'none', nb: shape, ok: shape, errors: { Bad: shape } },
    },
    limits: { bytes: { kind: 'max', about, unit: 'bytes', default: 1 } },
    terms: { region: about },
  }
}
