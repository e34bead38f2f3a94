import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A web site, on a port of its own and so of an origin of its own. */
export interface Site extends AsyncDisposable {
  readonly url: string
  /** Paths that were asked for, in order. */
  readonly asked: string[]
}

const TYPES: { readonly [extension: string]: string } = {
  css: 'text/css',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  svg: 'image/svg+xml',
}

/** Scripts and styles are files of the site, and make no code of text: what a careful site says of itself, our code has to do with. */
export const STRICT = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src *; base-uri 'none'"

/** Serves what `read` gives for a path, or for its `index.html` where it is a folder's, to pages of all origins. */
export const serve = async (
  read: (path: string) => string | Uint8Array | undefined,
  policy: (path: string) => string = () => '',
): Promise<Site> => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site')
    const path = pathname.replace(/\/$/, '/index.html')
    const content = read(path)
    asked.push(pathname)
    if (content === undefined) return response.writeHead(404).end()
    const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
    const headers = { 'content-type': type, 'access-control-allow-origin': '*', 'content-security-policy': policy(path) }
    response.writeHead(200, headers).end(content)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, [Symbol.asyncDispose]: close }
}
