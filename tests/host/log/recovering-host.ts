import { recoverHost } from '../../../host/index.ts'

/** Has a log back, to be killed at it. */
const [dir = '', url = ''] = process.argv.slice(2)
process.stdout.write('{}\n')
await recoverHost({ dir, from: [url] })
