import { access } from '@symbiosis/protocol'
import { fileWallet } from '@symbiosis/symbiont/node'
import { keepHost } from '../../symbiont/holdings.ts'
import { emptyWallet } from '../../symbiont/wallet.ts'

/** A process of its own that changes a wallet: `wallet-process.ts FILE NAME COUNT`. Prints each host once it's kept. */
const [file = '', name = '', count = '1'] = process.argv.slice(2)
const wallet = fileWallet(file)
for (let index = 0; index < Number(count); index++) {
  const did = `did:key:z6Mk${name}${index}` as const
  await wallet.update((state) => {
    const next = state ?? emptyWallet()
    keepHost(next, { did, name: `${name}${index} ${access.id}`.repeat(50), urls: [] }, { proved: true })
    return next
  })
  console.log(did)
}
