import {
  type Answered,
  type Caller,
  type CallOptions,
  Failure,
  type Input,
  invoke,
  isAbort,
  type Output,
  type Service,
  unwrap,
} from '@symbiosis/protocol'
import { unixChannel, unixGet } from '@symbiosis/protocol/unix'
import { hostFolder, socketOf } from './places.ts'

/** Where the host to operate is. */
export interface HostPlace {
  dir?: string
  socket?: string
}

/** Operates a running host: a principal with a delegation over it, like every other. */
export interface Operator {
  /** What its calls are made with. */
  readonly caller: Caller
  call<S extends Service, N extends keyof S['abilities'] & string>(
    service: S,
    name: N,
    input: Input<S['abilities'][N]>,
    options?: Pick<CallOptions, 'attach'>,
  ): Promise<Output<S['abilities'][N]>>
}

/**
 * Finds the host behind a socket, and the key that operates it.
 * @throws Failure Unavailable where none runs, NotFound or Malformed where its operator's key can't be read
 */
export const operate = async ({ dir, socket }: HostPlace, signal: AbortSignal): Promise<Operator> => {
  const path = socket ?? socketOf(hostFolder(dir))
  const about = await whoListens(path)
  const { readOperator } = await import('@symbiosis/host')
  const credential = readOperator(about.operator)
  if (credential.host !== about.did) {
    throw new Failure('WrongAudience', `The key ${about.operator} operates ${credential.host}, and ${about.did} listens at ${path}.`, {
      hint: 'Name the socket of the host that you mean: --socket PATH',
    })
  }
  const { signer, host, delegation } = credential
  const now = () => Math.floor(Date.now() / 1000)
  const caller: Caller = { signer, host, subject: host, proofs: [delegation], channel: unixChannel(path), now }
  return { caller, call: (service, name, input, options) => callAs(caller, signal, service, name, input, options) }
}

const callAs = async <S extends Service, N extends keyof S['abilities'] & string>(
  caller: Caller,
  signal: AbortSignal,
  service: S,
  name: N,
  input: Input<S['abilities'][N]>,
  options: Pick<CallOptions, 'attach'> = {},
): Promise<Output<S['abilities'][N]>> => {
  const answered: Answered<Output<S['abilities'][N]>> = await invoke(caller, service, name, input, { ...options, signal })
  return unwrap(answered.result)
}

const whoListens = async (path: string): Promise<{ did: string; operator: string }> => {
  let response: Response
  try {
    response = await unixGet(path, '/')
  } catch (cause) {
    if (isAbort(cause)) throw cause
    const reason = (cause as NodeJS.ErrnoException).code ?? 'the connection broke'
    const message = reason === 'EACCES' ? `The socket ${path} is another user's.` : `No host listens at ${path}.`
    throw new Failure('Unavailable', message, { reason, hint: 'Start one: symbiosis host. Name another by --dir or --socket.' }, { cause })
  }
  const about = (await response.json().catch(() => ({}))) as { did?: string; operator?: string }
  if (!about.did || !about.operator) throw new Failure('Unsupported', `What listens at ${path} is no host.`)
  return { did: about.did, operator: about.operator }
}
