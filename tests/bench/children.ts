import { type ChildProcess, fork } from 'node:child_process'

/** A process of the bench, and what it said first. */
export interface Child<Hello> {
  readonly process: ChildProcess
  readonly hello: Hello
}

/** Starts `file` beside this one as a process of its own. It ends with this one. */
export const start = async <Hello>(file: string, args: readonly string[] = []): Promise<Child<Hello>> => {
  const process = fork(new URL(file, import.meta.url), args, { serialization: 'advanced' })
  return { process, hello: await next<Hello>(process) }
}

/** Asks one question, and gets its one answer. */
export const ask = async <Answer>({ process }: Child<unknown>, question: object): Promise<Answer> => {
  process.send(question)
  return next<Answer>(process)
}

/** The other end: answers each question, and ends when nobody can ask any more. */
export const answering = (answer: (question: never) => Promise<object> | object): void => {
  process.on('message', async (question) => tell(await answer(question as never)))
  process.once('disconnect', () => process.exit())
  if (!process.connected) process.exit()
}

/** Says something to who started this process, who may have ended since: then this one ends too. */
export const tell = (message: object): void => {
  process.send?.(message, undefined, undefined, (error: Error | null) => {
    if (error) process.exit()
  })
}

/** Leaves no listener behind: one that stays keeps the answer in memory, and memory is one of the things that are measured. */
const next = <Answer>(child: ChildProcess): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const answered = (answer: unknown) => {
      child.off('exit', ended)
      resolve(answer as Answer)
    }
    const ended = (code: number | null, signal: string | null) => {
      child.off('message', answered)
      reject(new Error(`A process of the bench ended with ${code ?? signal}.`))
    }
    child.once('message', answered).once('exit', ended)
  })
