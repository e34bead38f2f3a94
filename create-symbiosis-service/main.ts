import { basename } from 'node:path'
import { scaffold } from './scaffold.ts'

const USAGE = `Usage: npm create symbiosis-service NAME

Starts a service in a new folder. NAME is what npm calls the package, such as my-notes or @acme/my-notes;
the last part is what the service is called.`

const [name, ...more] = process.argv.slice(2)
if (name === '--help' || name === '-h') console.log(USAGE)
else if (name === undefined || name.startsWith('-') || more.length > 0) {
  console.error(USAGE)
  process.exitCode = 2
} else {
  try {
    const folder = basename(name)
    const files = scaffold(name, folder)
    console.log(`${files.map((file) => `  ${folder}/${file}`).join('\n')}\n\n  cd ${folder} && npm install && npm test`)
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown)
    process.exitCode = 1
  }
}
