/** A fenced block of a page: its language, its text, and the name that a comment right above the fence gives it. */
export interface Block {
  readonly run?: string
  readonly language: string
  readonly text: string
}

export const blocksOf = (page: string): Block[] =>
  [...page.matchAll(/(?:^<!-- run: (\S+) -->\n)?^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, run, language, text]) => ({
    ...(run !== undefined && { run }),
    language: language as string,
    text: text as string,
  }))
