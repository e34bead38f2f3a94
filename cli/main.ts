import { enableCompileCache } from 'node:module'
import { compiled } from './places.ts'

// Halves what a command takes to start. The folder is the user's own: what lies in it is run.
enableCompileCache(compiled)
const { main } = await import('./command.ts')
await main()
