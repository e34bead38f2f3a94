import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bounds } from './areas/bounds.ts'
import { call } from './areas/call.ts'
import { car } from './areas/car.ts'
import { cbor } from './areas/cbor.ts'
import { ed25519 } from './areas/ed25519.ts'
import { forms } from './areas/forms.ts'
import { freshness } from './areas/freshness.ts'
import { leaseChain } from './areas/lease-chain.ts'
import { message } from './areas/message.ts'
import { ownerChain } from './areas/owner-chain.ts'
import { receipts } from './areas/receipts.ts'
import { signature } from './areas/signature.ts'
import { asking, limits, replay, revocation } from './areas/stateful.ts'
import { streams } from './areas/streams.ts'
import { time } from './areas/time.ts'
import { ucan } from './areas/ucan.ts'
import type { VectorFile } from './format.ts'

/** Every file of vectors, by name. What stands in one depends on nothing but the code that makes it. */
const AREAS: Readonly<Record<string, () => VectorFile | Promise<VectorFile>>> = {
  cbor,
  car,
  ucan,
  ed25519,
  message,
  bounds,
  forms,
  call,
  time,
  signature,
  'owner-chain': ownerChain,
  'lease-chain': leaseChain,
  freshness,
  limits,
  revocation,
  replay,
  asking,
  receipts,
  streams,
}

export const NAMES = Object.keys(AREAS)
export const pathOf = (name: string): string => join(import.meta.dirname, `${name}.json`)

/** The text of a file, made anew. */
export const textOf = async (name: string): Promise<string> => {
  const file = await AREAS[name]?.()
  return `${JSON.stringify(file, null, 2)}\n`
}

if (import.meta.main) for (const name of NAMES) writeFileSync(pathOf(name), await textOf(name))
