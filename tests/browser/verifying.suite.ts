import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  decode,
  decodeReceipts,
  encode,
  encodeReceipts,
  generateSeed,
  issueReceipt,
  STREAM_TYPE,
  signerFromSeed,
} from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import type { Page } from 'playwright-core'
import { blockOf } from '../attacks/bent.ts'
import { root } from '../tree.ts'
import type { Ed25519Vector } from '../vectors/format.ts'
import { setTheStage } from './stage.ts'

/** A receipt as it stands in its block. */
interface Signed {
  ocm: { ran: CID; iss: string; out: object }
  sig: Uint8Array
}

describe('what a page believes', () => {
  const stage = setTheStage()

  let page: Page

  before(async () => {
    page = (await stage.open()).page
    await page.evaluate(async (url) => {
      kept.symbiont = await app.Symbiont.open({ wallet: app.memoryWallet() })
      await kept.symbiont.pair(url)
      await kept.symbiont.request({ pin: {}, dag: {} })
    }, stage.url)
  })
  afterEach(() => page.unrouteAll({ behavior: 'wait' }))

  /** Puts somebody between the page and the host who makes something else of what is answered. */
  const between = (meddle: (body: Buffer, type: string | undefined) => Buffer) =>
    page.route(`${stage.url}/**`, async (route) => {
      if (route.request().method() !== 'POST') return route.continue()
      const response = await route.fetch()
      await route.fulfill({ response, body: meddle(await response.body(), response.headers()['content-type']) })
    })

  const bent = (receipt: Signed, ocm: object) => blockOf(encode({ ...receipt, ocm: { ...receipt.ocm, ...ocm } } as never))

  it('is signatures by the strict rules, in JavaScript', async () => {
    const { vectors } = JSON.parse(readFileSync(join(root, 'tests/vectors/ed25519.json'), 'utf8')) as { vectors: Ed25519Vector[] }
    const verdicts = await page.evaluate((vectors) => {
      const bytes = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
      return {
        backend: app.backend,
        valid: vectors.map(({ publicKey, message, signature }) => app.verify(bytes(publicKey), bytes(message), bytes(signature))),
      }
    }, vectors)
    assert.equal(verdicts.backend, 'js')
    assert.ok(vectors.length > 20)
    for (const [at, { name, expect }] of vectors.entries()) assert.equal(verdicts.valid[at], expect.valid, name)
  })

  const mallory = signerFromSeed(generateSeed())
  const LIES: { readonly [what: string]: [code: string, lie: (receipt: Signed) => { bytes: Uint8Array; cid: CID }] } = {
    'nothing but what the host signed': ['ok', (receipt) => blockOf(encode(receipt as never))],
    'no other answer under its signature': ['BadSignature', (receipt) => bent(receipt, { out: { ok: { things: [] } } })],
    'no signature with another bit': [
      'BadSignature',
      ({ ocm, sig }) => blockOf(encode({ ocm, sig: sig.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) } as never)),
    ],
    'no answer that another signed': ['WrongAudience', ({ ocm }) => issueReceipt(mallory, ocm.ran, ocm.out as never)],
    'no answer that another signed in the name of the host': [
      'BadSignature',
      ({ ocm }) => issueReceipt({ ...mallory, did: ocm.iss as never, sign: (bytes) => mallory.sign(bytes) }, ocm.ran, ocm.out as never),
    ],
  }
  for (const [what, [code, lie]] of Object.entries(LIES)) {
    it(`is ${what}`, async () => {
      await between((body) => {
        const receipts = [...decodeReceipts(new Uint8Array(body))]
        const lies = receipts.map(([ran, { bytes }]) => ({ ran: CID.parse(ran), block: lie(decode(bytes) as unknown as Signed) }))
        return Buffer.from(encodeReceipts(lies))
      })
      const verdict = await page.evaluate(() =>
        kept.symbiont
          .use(app.pin)
          .list({})
          .then(
            () => 'ok',
            ({ name }: Error) => name,
          ),
      )
      assert.equal(verdict, code)
    })
  }

  const ON_THE_WAY: { readonly [what: string]: [code: string, meddle: (body: Buffer) => Buffer] } = {
    'nothing but what its name is the hash of': [
      'BadHash',
      (body) => {
        const at = body.lastIndexOf(7)
        return Buffer.concat([body.subarray(0, at), Uint8Array.of(8), body.subarray(at + 1)])
      },
    ],
    'nothing that was cut': ['Malformed', (body) => body.subarray(0, -1)],
    'what came as it was sent': ['ok', (body) => body],
  }
  for (const [what, [code, meddle]] of Object.entries(ON_THE_WAY)) {
    it(`is, of content, ${what}`, async () => {
      const pulled = () =>
        page.evaluate(async () => {
          const bytes = new Uint8Array(1000).fill(7)
          const root = app.cidOf(bytes, 0x55)
          const blocks = async function* () {
            yield { cid: root, bytes }
          }
          try {
            await app.push(kept.symbiont, { root, blocks })
            for await (const block of app.pull(kept.symbiont, { root })) if (block.bytes.length !== 1000) return 'another block'
            return 'ok'
          } catch (thrown) {
            return (thrown as Error).name
          }
        })
      assert.equal(await pulled(), 'ok')
      await between((body, type) => (type === STREAM_TYPE ? meddle(body) : body))
      assert.equal(await pulled(), code)
    })
  }
})
