import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/** What Debian, Ubuntu and Google call it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The browser's program: the one that `CHROMIUM` names, or else the first on the path. */
export const program = ({ CHROMIUM, PATH = '' }: NodeJS.ProcessEnv = process.env): string => {
  const places = CHROMIUM ? [CHROMIUM] : NAMES.flatMap((name) => PATH.split(delimiter).map((folder) => join(folder, name)))
  const found = places.find(isProgram)
  if (found) return found
  throw new Error(
    `There is no Chromium ${CHROMIUM ? `at ${CHROMIUM}` : 'here'}: \`apt-get install chromium\`, or name the program of one in the environment, as CHROMIUM.`,
  )
}

/** Starts it, with a profile of its own that goes when it ends. Containers mostly have no sandbox to give to pages; these are ours alone. */
export const launch = (args: readonly string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath: program(), chromiumSandbox: false, args: ['--disable-dev-shm-usage', ...args] })
