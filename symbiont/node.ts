import { unixChannel, unixGet } from '@symbiosis/protocol/unix'
import { type Connect, connectWeb, readAbout } from './address.ts'

export { fileFilters } from './node-filters.ts'
export { fileWallet } from './node-wallet.ts'

/** What a Node process can reach: HTTP, HTTPS, and Unix sockets as `unix:/path/of.sock`. */
export const connectNode: Connect = (url) => {
  const [, path] = /^unix:(?:\/\/)?(\/.+)$/.exec(url) ?? []
  if (!path) return connectWeb(url)
  return { channel: unixChannel(path), about: () => readAbout(url, () => unixGet(path, '/')) }
}
