/** A refusal of the checker's: a code of the closed list, and the bound or field it is about. */
export class Refusal extends Error {
  readonly code: string
  readonly field: string | undefined
  /** What it is about, where that is known. */
  chain: string | undefined

  constructor(code: string, field?: string) {
    super(field === undefined ? code : `${code} (${field})`)
    this.code = code
    this.field = field
  }
}
