import { anyBody, anyLayers } from './messages.ts'
import { Random } from './random.ts'
import { mutatedRequest, plainRequest, type Request } from './requests.ts'
import type { Stage } from './stage.ts'

/** One request of a run: a seed and an index make it, whatever was sent before. */
export interface Case extends Request {
  readonly index: number
  /** The layers that were mutated. */
  readonly layers: string
  /** Sent to the host whose gate is as it is by default. */
  readonly gated: boolean
  /** May be held back by the host, so that it says nothing of what it costs. */
  readonly waits: boolean
  /** The caller leaves without waiting for an answer. */
  readonly leaves: boolean
  /** The caller of what the host takes for unfinished waits till the host gives up, instead of ending its half of the connection. */
  readonly patient: boolean
}

/** So many of so many go to the host with the default gate, one behind the other: it lets a few through before it limits. */
const [GATED, OF] = [1500, 60_000]

export const caseOf = (seed: number, index: number, stage: Stage): Case => {
  const random = new Random(seed, index)
  const http = random.chance(0.13)
  const layers = http && random.chance(0.7) ? (['none'] as const) : anyLayers(random)
  const body = anyBody(random, stage, layers)
  const request = http ? mutatedRequest(index, body, random) : plainRequest(index, body)
  return {
    ...request,
    index,
    layers: [...(http ? ['http'] : []), ...new Set(layers.filter((layer) => layer !== 'none'))].join('+') || 'valid',
    gated: index % OF < GATED,
    waits: body.waits || request.framing !== 'kept',
    leaves: random.chance(0.004),
    patient: random.chance(0.02),
  }
}
