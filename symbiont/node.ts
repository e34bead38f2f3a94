export { connectNode } from './node-connect.ts'
export { fileWallet } from './node-wallet.ts'
