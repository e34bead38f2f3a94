import { ability, choice, Failure, int, limit, type Provided, provide, service, struct } from '@symbiosis/protocol'

/** A service whose work fails where it is told to: behind the reservation, in the transaction that made it. */
export const vault = service('vault', {
  rev: 1,
  about: 'Keeps bytes, or fails to',
  limits: { bytes: limit.max('bytes kept', { unit: 'bytes', default: 100 }) },
  abilities: {
    put: ability({
      about: 'Reserves, and then does as it is told',
      effect: 'idempotent',
      nb: struct({ bytes: int(), fate: choice('keep', 'throw', 'refuse', 'return what is no value', 'die') }),
      ok: struct({}),
    }),
  },
})

export const vaultService = (): Provided =>
  provide(vault, {
    put: ({ bytes, fate }, { commit, invocation }) =>
      commit(async (tx) => {
        const { edges, amounts } = await tx.reserve({ bytes })
        await tx.put(String(invocation), { edges, amounts } as never)
        switch (fate) {
          case 'throw':
            throw new Error('The vault is stuck.')
          case 'refuse':
            throw new Failure('Unavailable', 'The vault is shut.')
          case 'return what is no value':
            await tx.put('broken', (() => {}) as never)
            break
          case 'die':
            process.kill(process.pid, 'SIGKILL')
            // The signal is there before the transaction can go on.
            await new Promise(() => {})
        }
        return {}
      }),
  })
