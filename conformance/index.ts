export { type ChannelSetup, MAX_MESSAGE_BYTES, runChannelTests } from './channel.ts'
export type { Runner } from './runner.ts'
export { runStoreTests, type StoreSetup } from './store.ts'
