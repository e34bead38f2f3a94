import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../tree.ts'

/** An error of the compiler, and the text that it underlines. */
export interface Complaint {
  readonly code: number
  readonly line: string
  readonly at: string
}

interface Message {
  id?: number
  method?: string
  params?: { items?: unknown[] }
  result?: unknown
  error?: { message: string }
}

interface Place {
  line: number
  character: number
}

const ERROR = 1

/**
 * The compiler as editors talk to it, by the Language Server Protocol: so files are compiled as they would be with another text in them, and what is
 * shown to who points at a word is what people see.
 */
export class Compiler implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (message: Message) => void>()
  readonly #opened = new Map<string, number>()
  #asked = 0
  #received = Buffer.alloc(0)

  private constructor() {
    this.#child = spawn(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--lsp', '--stdio'], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#child.stdout?.on('data', (bytes: Buffer) => this.#receive(bytes))
    this.#child.once('close', (code) => {
      for (const answer of this.#waiting.values()) answer({ error: { message: `The compiler ended with ${code}.` } })
    })
  }

  static async start(): Promise<Compiler> {
    const compiler = new Compiler()
    await compiler.#ask('initialize', {
      processId: process.pid,
      rootUri: pathToFileURL(root).href,
      capabilities: { textDocument: { hover: { contentFormat: ['markdown'] }, diagnostic: {} } },
    })
    compiler.#tell('initialized', {})
    return compiler
  }

  /** The errors of a file of the repository, had it this text. */
  async complaints(path: string, text: string): Promise<Complaint[]> {
    const uri = this.#open(path, text)
    const { items } = (await this.#ask('textDocument/diagnostic', { textDocument: { uri } })) as {
      items: { severity: number; code: number; range: { start: Place; end: Place } }[]
    }
    const lines = text.split('\n')
    return items
      .filter(({ severity }) => severity === ERROR)
      .map(({ code, range: { start, end } }) => {
        const line = lines[start.line] as string
        return { code, line: line.trim(), at: line.slice(start.character, end.line === start.line ? end.character : undefined) }
      })
  }

  /** What an editor shows of the first place where `pattern` stands in a file of the repository, from its first letter on; without documentation. */
  async hover(path: string, pattern: string): Promise<string> {
    const text = readFileSync(join(root, path), 'utf8')
    const at = text.indexOf(pattern)
    if (at < 0) throw new Error(`${path} has no ${pattern}`)
    const before = text.slice(0, at).split('\n')
    const position = { line: before.length - 1, character: (before.at(-1) as string).length }
    const found = (await this.#ask('textDocument/hover', { textDocument: { uri: this.#open(path, text) }, position })) as {
      contents: { value: string }
    }
    return (/^```\w+\n([\s\S]*?)\n```/.exec(found.contents.value) as RegExpExecArray)[1] as string
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill()
    await closed
  }

  #open(path: string, text: string): string {
    const uri = pathToFileURL(join(root, path)).href
    const version = (this.#opened.get(uri) ?? 0) + 1
    this.#opened.set(uri, version)
    if (version === 1) this.#tell('textDocument/didOpen', { textDocument: { uri, languageId: 'typescript', version, text } })
    else this.#tell('textDocument/didChange', { textDocument: { uri, version }, contentChanges: [{ text }] })
    return uri
  }

  #ask(method: string, params: object): Promise<unknown> {
    const id = ++this.#asked
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        this.#waiting.delete(id)
        if (error) reject(new Error(`${method}: ${error.message}`))
        else resolve(result)
      })
      this.#send({ id, method, params })
    })
  }

  #tell(method: string, params: object): void {
    this.#send({ method, params })
  }

  #send(message: object): void {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }))
    this.#child.stdin?.write(`Content-Length: ${body.length}\r\n\r\n`)
    this.#child.stdin?.write(body)
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    for (;;) {
      const head = this.#received.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/Content-Length: (\d+)/i.exec(this.#received.toString('latin1', 0, head))?.[1])
      const end = head + 4 + length
      if (this.#received.length < end) return
      this.#take(JSON.parse(this.#received.toString('utf8', head + 4, end)))
      this.#received = this.#received.subarray(end)
    }
  }

  #take(message: Message): void {
    const { id, method, params } = message
    if (id === undefined) return
    if (!method) return this.#waiting.get(id)?.(message)
    // It asks how an editor is set: as it comes.
    this.#send({ id, result: params?.items?.map(() => null) ?? null })
  }
}
