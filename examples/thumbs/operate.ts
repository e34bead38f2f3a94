import { thumbs } from '@example/thumbs'
import { readOperator } from '@symbiosis/host'
import { invoke, unwrap } from '@symbiosis/protocol'
import { unixChannel } from '@symbiosis/protocol/unix'

const [dir = 'data'] = process.argv.slice(2)
const { signer, host, delegation } = readOperator(`${dir}/operator.key`)
const channel = unixChannel(`${dir}/host.sock`)
const caller = { signer, host, subject: host, proofs: [delegation], channel, now: () => Math.floor(Date.now() / 1000) }
const { images } = unwrap((await invoke(caller, thumbs, 'stats', {})).result)
console.log(`${images} images are kept`)
