#!/usr/bin/env node
// Plain, old-fashioned JavaScript: the oldest Node must get far enough to read the message.
var major = Number(process.versions.node.split('.')[0])

if (major < 24) {
  console.error('create-symbiosis-service needs Node 24 or newer; install it from nodejs.org. This is Node', process.versions.node)
  process.exitCode = 2
} else {
  import('./main.ts')
}
