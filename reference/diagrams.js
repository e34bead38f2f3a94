// Draws the diagrams of a page, which are in it as they are written. What draws is large, so only pages that have one load it.
const written = document.querySelectorAll('pre > code.mermaid')

if (written.length > 0) {
  const script = document.createElement('script')
  script.src = document.currentScript.src.replace(/[^/]*$/, 'mermaid.js')
  script.onload = drawAll
  document.head.append(script)
}

async function drawAll() {
  // The page is hidden until all of its script is there, and what is hidden has no size.
  while (document.body.style.display === 'none') await new Promise(requestAnimationFrame)
  const { theme } = document.documentElement.dataset
  const isDark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  mermaid.initialize({ startOnLoad: false, theme: isDark ? 'dark' : 'default' })
  for (const [at, code] of [...written].entries()) {
    const { svg } = await mermaid.render(`diagram-${at}`, code.textContent)
    const drawing = document.createElement('figure')
    drawing.innerHTML = svg
    code.parentElement.replaceWith(drawing)
  }
}
