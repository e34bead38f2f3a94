import markdownIt from 'markdown-it'

/** What those that show Markdown do about tables and long words, in short. */
const STYLE = `
body { max-width: 860px; margin: 16px auto; padding: 0 16px; font: 16px/1.5 sans-serif; overflow-wrap: break-word }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-collapse: collapse }
th, td { border: 1px solid #8888; padding: 6px 13px; text-align: left }
code { font: 85% monospace; background: #8882; padding: .2em .4em; border-radius: 6px }
:root { color-scheme: light dark }
`

/**
 * A page of Markdown as its readers see it, by the viewer that is the least careful: it takes HTML as it is, and makes links of all that looks like an address.
 */
export const rendered = (text: string): string => {
  const body = markdownIt({ html: true, linkify: true }).render(text).replaceAll('.md"', '.html"')
  return `<!doctype html><title>Pages</title><link rel="icon" href="data:,"><style>${STYLE}</style>${body}`
}
