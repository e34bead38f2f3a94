#!/usr/bin/env node
// Plain, old-fashioned JavaScript: the oldest Node must get far enough to read the message.
var major = Number(process.versions.node.split('.')[0])

if (major < 24) {
  console.error(
    'symbiosis needs Node 24 or newer, this is Node ' +
      process.versions.node +
      ': install it from nodejs.org, or run this by `npm start` or `npx symbiosis`, which bring their own on x64 Linux.',
  )
  process.exitCode = 2
} else {
  import('./main.ts')
}
