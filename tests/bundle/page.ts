import { pin } from '@symbiosis/capabilities/pin'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'

/** A page with a symbiont, as an application would write it: what `browser.test.ts` weighs. */
const symbiont = await Symbiont.open({ wallet: memoryWallet() })
await symbiont.createSpace()
await symbiont.pair('http://127.0.0.1:4747')
await symbiont.request({ pin: { bytes: '1 GB' } })
console.log(await symbiont.use(pin).list({}))
