import { formatBytes, type Lease } from '@symbiosis/symbiont'
import type { Output } from './output.ts'
import { plain, table, timeText } from './text.ts'

/** `2 GB, 100 pins` */
export const amountsText = (limits: { readonly [name: string]: number }): string =>
  Object.entries(limits)
    .map(([name, amount]) => amountText(name, amount))
    .join(', ')

export const amountText = (name: string, amount: number): string =>
  name === 'bytes' ? formatBytes(amount) : `${amount.toLocaleString('en')} ${name}`

/** Leases for people, one a line. */
export const leaseTable = (leases: readonly Lease[], { paint }: Output): string =>
  table(
    leases.map(({ cid, can, limits, hostName, expires, state }) => [
      paint('bold', can),
      amountsText(limits),
      plain(hostName),
      `until ${timeText(expires)}`,
      paint('dim', cid),
      state === 'valid' ? '' : paint('yellow', state),
    ]),
  )
