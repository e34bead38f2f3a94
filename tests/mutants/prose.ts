import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

interface Node {
  readonly type: string
  readonly key?: Node & { readonly name?: string }
  readonly consequent?: Node
  readonly alternate?: Node
  readonly right?: Node
}

const isText = (node: Node | undefined): boolean => node?.type === 'TemplateLiteral'

/** What is said to people, and which of two things is: no test matches it, so that it may change. */
const prose = {
  shouldIgnore(path: unknown): string | undefined {
    const { node } = path as { node: Node }
    const isHint = node.type === 'ObjectProperty' && node.key?.name === 'hint'
    const isChosen = node.type === 'ConditionalExpression' && (isText(node.consequent) || isText(node.alternate))
    const isAssigned = node.type === 'AssignmentExpression' && isText(node.right)
    return isText(node) || isHint || isChosen || isAssigned ? 'it is said to people' : undefined
  },
}

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'prose', prose)]
