import assert from 'node:assert/strict'
import { Compiler } from './compiler.ts'

const SERVICE = 'tests/types/lamps.ts'
const APP = 'tests/types/calling.ts'

/** What an editor shows to who points at a word: the file, the text that begins with the word, and what is shown. */
const SHOWN: Record<string, [path: string, word: string, shown: string]> = {
  'a contract': [
    SERVICE,
    'lamps = service',
    `const lamps: Service<{
    readonly light: Ability<{
        lamp: string;
        minutes?: number | undefined;
    }, {
        minutes: number;
        state: "broken" | "lit";
    }, {
        readonly Missing: Schema<{
            lamp: string;
        }>;
    }, "none">;
    readonly list: Ability<{}, {
        lamps: string[];
    }, {}, "none">;
    readonly watch: Ability<{
        lamp: string;
    }, {}, {}, "out">;
}, {
    readonly lamps: Limit;
}>`,
  ],
  'the context of a handler': [
    SERVICE,
    'context) =>',
    `(parameter) context: Context<Ability<{}, {
    lamps: string[];
}, {}, "none">, "lamps">`,
  ],
  'a declared error': [
    SERVICE,
    "fail('Missing'",
    `(parameter) fail: <"Missing">(name: "Missing", details: {
    lamp: string;
}, message?: string) => Failed<"Missing">`,
  ],
  'a limit': [
    SERVICE,
    'reserve(',
    `(method) Transaction<"lamps">.reserve<"lamps">(amounts: {
    readonly lamps: number;
}): Promise<Charge>`,
  ],
  'an ability': [
    APP,
    'add({',
    `(property) add: (input: {
    name?: string | undefined;
    origins?: string[] | undefined;
    root: CID<unknown, number, number, Version>;
}, options?: Omit<SymbiontCallOptions, "body"> | undefined) => Promise<{
    blocks: number;
    bytes: number;
    created: number;
    deadline?: number | undefined;
    message?: string | undefined;
    name?: string | undefined;
    pending?: number | undefined;
    reason?: string | undefined;
    root: CID<unknown, number, number, Version>;
    status: "failed" | "fetching" | "pinned" | "queued";
}>`,
  ],
  'an ability that streams': [
    APP,
    'watch({',
    `(property) watch: (input: {
    lamp: string;
}, options?: Omit<SymbiontCallOptions, "body"> | undefined) => Promise<Downloaded<{}>>`,
  ],
  'a result or a refusal': [
    APP,
    'tried = ',
    `const tried: Tried<{
    ok: {
        minutes: number;
        state: "broken" | "lit";
    };
}, Refused | {
    name: "Missing";
    message: string;
    lamp: string;
}>`,
  ],
  'a result, or a refusal by a code and nothing else': [
    APP,
    'listed = ',
    `const listed: Tried<{
    ok: {
        lamps: string[];
    };
}, Refused>`,
  ],
}

/** Words whose types name the whole contract. They can't be short, but must stay readable. */
const LONG: Record<string, [path: string, word: string, lines: number]> = {
  'a handler': [SERVICE, 'light({ lamp', 24],
  'the defining of a service': [SERVICE, 'service(', 40],
  'the door to a service': [APP, 'use(pin', 30],
}

/** How the types are put together is nobody's concern. */
const INNER = /\b(NoInfer|Flat|Plain|Infer|InferFields|OptionalField|Said)\b|& \{|unique symbol/

describe('what an editor shows of', function () {
  this.timeout(120_000)
  let compiler: Compiler

  before(async () => {
    compiler = await Compiler.start()
  })

  after(() => compiler[Symbol.asyncDispose]())

  for (const [name, [path, word, shown]] of Object.entries(SHOWN)) {
    it(name, async () => assert.equal(await compiler.hover(path, word), shown))
  }

  for (const [name, [path, word, lines]] of Object.entries(LONG)) {
    it(`${name} is at most ${lines} lines`, async () => {
      const shown = await compiler.hover(path, word)
      assert.ok(shown.split('\n').length <= lines, shown)
      assert.doesNotMatch(shown, INNER)
    })
  }
})
