import { isFinal, type PinStatus, pin, readStatuses } from '@symbiosis/capabilities/pin'
import { Failure } from '@symbiosis/protocol'
import type { ChoiceOptions, Symbiont } from '@symbiosis/symbiont'

interface Waiting {
  choice: ChoiceOptions
  signal: AbortSignal
  onStatus?(status: PinStatus): void
}

const PAUSE_MS = 1000

/**
 * Follows a pin until it stands.
 * @throws Failure with the host's reason where it failed, NotFound where it was removed meanwhile
 */
export const untilPinned = async (symbiont: Symbiont, begun: PinStatus, { choice, signal, onStatus }: Waiting): Promise<PinStatus> => {
  const pins = symbiont.use(pin, choice)
  let status = begun
  let failures = 0
  while (!isFinal(status)) {
    try {
      const { ok, body } = await pins.watch({ root: status.root }, { signal })
      status = ok
      for await (const next of readStatuses(body)) {
        status = next
        failures = 0
        onStatus?.(next)
      }
    } catch (thrown) {
      signal.throwIfAborted()
      // The host goes on without us, through its own restart too.
      if (!isPassing(thrown) || ++failures > 10) throw thrown
      await new Promise((resume) => setTimeout(resume, PAUSE_MS))
    }
  }
  return mustBePinned(status)
}

const isPassing = (thrown: unknown): boolean =>
  !(thrown instanceof Failure) || ['Unavailable', 'Malformed', 'Cancelled'].includes(thrown.name)

const mustBePinned = (status: PinStatus): PinStatus => {
  if (status.status === 'pinned') return status
  const { reason = 'Unavailable', message, root } = status
  throw new Failure(reason, message ?? 'The host gave the pin up.', {
    link: String(root),
    hint: 'Name a peer that has it: symbiosis pin add CID --origin MULTIADDR',
  })
}
