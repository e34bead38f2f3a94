import * as runner from 'node:test'
import { runServiceTests } from '@symbiosis/conformance'
import open from '../host.ts'

runServiceTests(runner, 'sample-service', {
  open,
  // Calls that work for a new space, one after the other, with what each takes of the lease.
  samples: [
    { ability: 'write', nb: { title: 'milk', body: 'Two pints' }, uses: { notes: 1 } },
    { ability: 'write', nb: { title: 'milk', body: 'Three' }, error: 'Taken' },
    { ability: 'read', nb: { title: 'milk' } },
    { ability: 'read', nb: { title: 'honey' }, error: 'Unknown' },
    { ability: 'list' },
  ],
})
