import {
  type Block,
  BOUNDS,
  CAR_TYPE,
  cidOf,
  encode,
  encodeCar,
  encodeInvocations,
  type Proof,
  type Ucan,
  ucansOf,
} from '@symbiosis/protocol'
import { codeOf, expectCode, must, type Rule } from './breach.ts'
import { FORMS, malleated } from './forms.ts'
import type { Peer } from './peer.ts'

const area = 'admission'
const named = (content: unknown): Block => {
  const bytes = encode(content as never)
  return { cid: cidOf(bytes), bytes }
}
const rootOf = (execute: readonly Pick<Block, 'cid'>[]): Block =>
  named({ 'ucanto/message@7.0.0': { execute: execute.map(({ cid }) => cid) } })
const carOf = (roots: readonly Block[], blocks: readonly Block[]) =>
  encodeCar({ roots: roots.map(({ cid }) => cid), blocks: [...blocks, ...roots] })

/** A good call by a device, and the delegation that it rests on. */
const aCall = async (peer: Peer): Promise<{ call: Ucan; proof: Proof }> => {
  const proof = await peer.given(peer.space, peer.device)
  return { proof, call: await peer.invocation({ signer: peer.device, subject: peer.space.did, proofs: [proof] }) }
}

const aForm = (form: string, bend: (ucan: Ucan) => Block): Rule => ({
  area,
  name: `refuses a UCAN in a second form: ${form}`,
  async check(peer) {
    const { call, proof } = await aCall(peer)
    const second = bend(proof.ucan)
    const named = await peer.invocation({
      signer: peer.device,
      subject: peer.space.did,
      proofs: [{ ucan: { ...proof.ucan, ...second }, proofs: [] }],
    })
    await expectCode(peer.post(carOf([rootOf([named])], [second, named])), 'As a proof', 'NotCanonical')
    const itself = bend(call)
    await expectCode(peer.post(carOf([rootOf([itself])], [proof.ucan, itself])), 'As a call', 'NotCanonical')
  },
})

/** Bounds are each host's own: of those whose bound is not the usual one, so many times as much is refused at the latest. */
const ROOMY = 16

const tooLarge = (bound: string, usual: number, message: (peer: Peer, amount: number) => Promise<Uint8Array>): Rule => ({
  area,
  name: `bounds a message: ${bound}`,
  async check(peer) {
    if ((await codeOf(peer.post(await message(peer, usual + 1)))) === 'TooLarge') return
    await expectCode(peer.post(await message(peer, usual * ROOMY + 1)), `Of ${usual * ROOMY + 1}`, 'TooLarge')
  },
})

/** What is refused before anybody is known. */
export const admission: readonly Rule[] = [
  {
    area,
    name: 'says of another content type that it is not spoken',
    async check({ url }) {
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'hello' })
      const { error } = (await response.json()) as { error?: { name?: unknown } }
      must(response.status >= 400 && error?.name === 'Unsupported', `It answers ${response.status} ${String(error?.name)}`)
    },
  },
  {
    area,
    name: 'refuses what is no message',
    async check(peer) {
      const { call, proof } = await aCall(peer)
      const good = encodeInvocations([call], [proof.ucan])
      await expectCode(peer.post(new Uint8Array(20)), 'Twenty zeros', 'Malformed')
      await expectCode(peer.post(good.subarray(0, good.length - 5)), 'A message cut short', 'Malformed')
      await expectCode(peer.post(carOf([], [call, proof.ucan])), 'A message without a root', 'Malformed')
      await expectCode(
        peer.post(carOf([rootOf([call]), rootOf([proof.ucan])], [call, proof.ucan])),
        'A message with two roots',
        'Malformed',
      )
      await expectCode(peer.post(carOf([named({ hello: 1 })], [call])), 'A root that is no message', 'Malformed')
      await expectCode(peer.post(carOf([rootOf([call])], [proof.ucan])), 'A message without its call', 'Malformed')
    },
  },
  {
    area,
    name: "refuses a block under another block's CID",
    async check(peer) {
      const { call, proof } = await aCall(peer)
      const other = await peer.given(peer.stranger, peer.device)
      await expectCode(
        peer.post(carOf([rootOf([call])], [call, { cid: proof.ucan.cid, bytes: other.ucan.bytes }])),
        'A swapped proof',
        'BadHash',
      )
      await expectCode(
        peer.post(carOf([rootOf([call])], [proof.ucan, { cid: call.cid, bytes: proof.ucan.bytes }])),
        'A swapped call',
        'BadHash',
      )
    },
  },
  ...Object.entries(FORMS).map(([form, bend]) => aForm(form, bend)),
  {
    area,
    name: 'refuses a second signature of the same key',
    async check(peer) {
      const { call, proof } = await aCall(peer)
      const second = malleated(call)
      const answer = peer.send([{ ...call, ...second }], [proof.ucan]).then(([out]) => out as NonNullable<typeof out>)
      await expectCode(answer, 'S plus the order of the group', 'BadSignature')
    },
  },
  tooLarge('its bytes', BOUNDS.messageBytes, async (_, bytes) => new Uint8Array(bytes)),
  tooLarge('its invocations', BOUNDS.invocations, async (peer, count) => {
    return encodeInvocations(await Promise.all(Array.from({ length: count }, () => peer.invocation({}))), [])
  }),
  tooLarge('proofs that a UCAN names', BOUNDS.proofs, async (peer, count) => {
    const proofs = await Promise.all(Array.from({ length: count }, () => peer.given(peer.space, peer.device)))
    return encodeInvocations([await peer.invocation({ signer: peer.device, subject: peer.space.did, proofs })], ucansOf(proofs))
  }),
  tooLarge('links of a chain', BOUNDS.depth, async (peer, links) => {
    let proof = await peer.given(peer.space, peer.space)
    for (let above = 1; above < links; above++) proof = await peer.given(peer.space, peer.space, { proofs: [proof] })
    return encodeInvocations([await peer.invocation({ proofs: [proof] })], ucansOf([proof]))
  }),
  {
    area,
    name: 'looks at each link of a diamond once',
    async check(peer) {
      let proofs = [await peer.given(peer.space, peer.space)]
      for (let level = 0; level < 18; level++) {
        const above = proofs
        proofs = await Promise.all([0, 1].map(() => peer.given(peer.space, peer.space, { proofs: above })))
      }
      const began = performance.now()
      const unrelated = await peer.invocation({ signer: peer.device, subject: peer.stranger.did, proofs })
      await expectCode(
        peer.post(encodeInvocations([unrelated], ucansOf(proofs))).then(() => ({ ok: {} })),
        'A diamond of 2^18 paths',
        'ok',
        'TooLarge',
      )
      must(performance.now() - began < 20_000, 'It takes longer than 20 seconds')
    },
  },
  {
    area,
    name: 'tells other web pages that they may call',
    async check({ url }) {
      const headers = {
        origin: 'https://example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      }
      const response = await fetch(url, { method: 'OPTIONS', headers })
      must(response.ok && response.headers.get('access-control-allow-origin') === '*', 'A page of another site may not call')
      const refused = await fetch(url, { method: 'POST', headers: { origin: 'https://example.com', 'content-type': CAR_TYPE }, body: 'x' })
      await refused.arrayBuffer()
      must(refused.headers.get('access-control-allow-origin') === '*', 'A page of another site may not read a refusal')
    },
  },
]
