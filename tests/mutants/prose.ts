import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

interface Path {
  readonly node: { readonly type: string; readonly key?: { readonly name?: string } }
}

/** What is said to people: no test matches it, so that it may change. */
const prose = {
  shouldIgnore(path: unknown): string | undefined {
    const { node } = path as Path
    const isHint = node.type === 'ObjectProperty' && node.key?.name === 'hint'
    return node.type === 'TemplateLiteral' || isHint ? 'it is said to people' : undefined
  },
}

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'prose', prose)]
