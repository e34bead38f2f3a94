import { dag } from '@symbiosis/capabilities/dag'
import { pull, push } from '@symbiosis/capabilities/dag/symbiont'
import { pin, readStatuses } from '@symbiosis/capabilities/pin'
import { cidOf, encode, Failure } from '@symbiosis/protocol'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
import { backend, verify } from '../../protocol/ed25519.ts'
import { tap } from '../attacks/tap.ts'

const imported = { Symbiont, memoryWallet, pin, readStatuses, dag, push, pull, tap, cidOf, encode, Failure, backend, verify }

declare global {
  /** What an app imports, within reach of the functions that tests run in its page. */
  var app: typeof imported
  /** What a test leaves in a page for its next step. */
  var kept: { symbiont: Symbiont; reader: ReadableStreamDefaultReader<Uint8Array> }
}

Object.assign(globalThis, { app: imported, kept: {} })
