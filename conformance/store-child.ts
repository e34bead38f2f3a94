import type { StoreSetup } from './store.ts'

/** Writes records until it is killed, several at a time, and says the name of each when it's told that it is kept. */
const [module = '', where = '', round = ''] = process.argv.slice(2)
const { setup } = (await import(module)) as { setup: StoreSetup }
const store = setup.open(where)
let number = 0
const write = async (): Promise<never> => {
  while (true) {
    const key = `${round}-${number++}`
    await store.write(async (tx) => {
      await tx.put('kept', 'space', key, { key, text: 'x'.repeat(number % 3000) })
      await tx.put('twin', 'space', key, true)
    })
    process.stdout.write(`${key}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, write))
