import type { DID, Page } from '@symbiosis/protocol'
import type { ServiceDescription } from '@symbiosis/protocol/manifest'

/** Nothing is fetched, run, framed or sent from it, whatever stands on it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; overflow-wrap: anywhere }
h1 { line-height: 1.2 }
dt { font-weight: 600 }
dd { margin: 0 0 .75rem }
code { font: .9em ui-monospace, monospace }
`

/** What a person sees who opens the address of a host in a browser: whose it is, what it is for, and how it is used. */
export const frontPage = (host: { did: DID; name: string }, services: readonly ServiceDescription[]): Page => {
  const leased = services.filter(({ abilities }) => Object.values(abilities).some(({ authority }) => authority === 'leased'))
  const listed = leased.map(({ id, about }) => `<dt>${words(id)}</dt>\n<dd>${words(about)}</dd>`).join('\n')
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    open: true,
    policy: POLICY,
    body: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>${words(host.name)}</title>
<style>${STYLE}</style>
<h1>${words(host.name)}</h1>
<p>A Symbiosis host. Apps ask it for what it leases; its owner says yes or no.</p>
<h2>What it leases</h2>
${listed ? `<dl>\n${listed}\n</dl>` : '<p>Nothing.</p>'}
<h2>How it is used</h2>
<p>Give an app the address of this page, or take it to a terminal:</p>
<p><code>symbiosis pair ADDRESS</code> meets the host, <code>symbiosis describe ADDRESS</code> tells all that it leases.</p>
<p>It is the one that signs as <code>${words(host.did)}</code>.</p>
</html>
`,
  }
}

const words = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
