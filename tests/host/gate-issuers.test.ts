import assert from 'node:assert/strict'
import type { Ucan } from '@symbiosis/protocol'
import { Gate, type GateOptions } from '../../host/gate.ts'
import { refusal } from './door-clock.ts'

describe('the gate charges issuers', () => {
  let now = 0
  const gateOf = (options: Partial<GateOptions>) => new Gate(options, () => now)
  const caller = () => ({ destroy() {} })

  const [alices, bobs] = [{ issuer: 'did:key:alice' }, { issuer: 'did:key:bob' }] as unknown as [Ucan, Ucan]
  const proof = {} as Ucan

  it('for proofs that they bring, to the last one, and says when there are more', () => {
    const gate = gateOf({ issuer: { burst: 3, perSecond: 2 } })
    const pay = gate.payer(caller(), alices)
    for (let index = 0; index < 3; index++) pay?.(proof)
    const { name, field, retryAfter } = refusal(() => pay?.(proof))
    assert.deepEqual([name, field], ['RateLimited', 'issuer'])
    assert.ok((retryAfter as number) > 0 && (retryAfter as number) <= 0.5)
    now += 500
    pay?.(proof)
    assert.equal(refusal(() => pay?.(proof)).name, 'RateLimited')
  })

  it('whatever connection they come over, and nobody else', () => {
    const gate = gateOf({ issuer: { burst: 1, perSecond: 1 } })
    gate.payer(caller(), alices)?.(proof)
    assert.equal(refusal(() => gate.payer(caller(), alices)?.(proof)).name, 'RateLimited')
    assert.equal(refusal(() => gate.payer(caller(), bobs)?.(proof)).name, 'ok')
  })

  it('but not for the check of their own signature, which others could ask for in their name', () => {
    const gate = gateOf({ issuer: { burst: 1, perSecond: 1 } })
    const pay = gate.payer(caller(), alices)
    for (let index = 0; index < 10; index++) pay?.(alices)
    assert.equal(refusal(() => pay?.(proof)).name, 'ok')
  })

  it('of whom it keeps so many', () => {
    const gate = gateOf({ issuer: { burst: 1, perSecond: 1e-9 }, maxIssuers: 2 })
    gate.payer(caller(), alices)?.(proof)
    for (let index = 0; index < 2; index++) gate.payer(caller(), { issuer: `did:key:${index}` } as unknown as Ucan)?.(proof)
    assert.equal(refusal(() => gate.payer(caller(), alices)?.(proof)).name, 'ok', 'it is forgotten, and begins anew')
  })
})
