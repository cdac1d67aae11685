import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const thisFile = 'test/architecture.test.ts'

interface Folder {
  /** Folders and files (from `packages/`) that it may import, besides itself and what lies below it. */
  readonly imports: readonly string[]
  readonly npm: readonly string[]
  /** False: no `node:` import but those of `pureLeaves`, no clock, no randomness. */
  readonly node: boolean
}

const src = 'vmwright/src'
const lib = `${src}/lib`
const spec = `${src}/spec`
const hypervisor = `${src}/hypervisor`
/** What drivers do, in the words of those above them. */
const contracts = [
  `${hypervisor}/contract.ts`,
  `${hypervisor}/host-files.ts`,
  `${hypervisor}/guest-access.ts`,
  `${hypervisor}/networks.ts`,
  `${hypervisor}/disks.ts`,
  `${hypervisor}/snapshots.ts`,
  `${hypervisor}/forks.ts`,
  `${hypervisor}/normal-network.ts`,
  `${hypervisor}/host`,
]
const cloudinit = `${src}/cloudinit`
const plan = `${src}/plan`
const templates = `${src}/templates`
const contract = '@vmwright/contract'

/**
 * Who may import whom: the longest row that a file's path begins with holds for it. Drivers see the contract and
 * their own wire client; only `compose.ts` sees all drivers; only the entry point sees `compose.ts`.
 */
const folders: Readonly<Record<string, Folder>> = {
  'contract/src': { imports: [], npm: ['zod'], node: false },
  'libvirt/src': { imports: [], npm: [], node: true },
  [lib]: { imports: [], npm: [contract, 'saxes'], node: true },
  [spec]: { imports: [lib], npm: [contract, 'yaml', 'zod'], node: false },
  [hypervisor]: { imports: [lib, spec], npm: [contract], node: false },
  [`${hypervisor}/fake`]: {
    imports: [lib, ...contracts],
    npm: [],
    node: true,
  },
  [`${hypervisor}/libvirt`]: {
    imports: [lib, spec, ...contracts],
    npm: [contract, '@vmwright/libvirt', 'yaml', 'zod'],
    node: true,
  },
  [cloudinit]: { imports: [lib, spec], npm: [contract, 'yaml'], node: false },
  [`${src}/identity`]: {
    imports: [lib, spec, ...contracts, cloudinit],
    npm: [],
    node: false,
  },
  [`${src}/images`]: { imports: [lib, spec], npm: [contract], node: true },
  [`${src}/guest`]: {
    imports: [lib, spec, ...contracts, cloudinit],
    npm: [contract, 'ssh2', 'yaml'],
    node: true,
  },
  // Phases are read from files and run over channels of guests.
  [`${src}/phases`]: {
    imports: [lib, spec, `${src}/guest`],
    npm: [contract, 'yaml', 'zod'],
    node: true,
  },
  // What a guest is told at its creation has a digest with cloud-init; a guest's layers depend on it.
  [`${src}/snapshots`]: {
    imports: [lib, spec, ...contracts, cloudinit, `${src}/phases`],
    npm: [contract],
    node: false,
  },
  [`${src}/results`]: { imports: [lib], npm: [contract, 'zod'], node: true },
  [templates]: {
    imports: [lib, spec, ...contracts],
    npm: [],
    node: false,
  },
  [plan]: {
    imports: [lib, spec, ...contracts, cloudinit, templates],
    npm: [contract],
    node: false,
  },
  [`${src}/host`]: {
    imports: [lib, spec, ...contracts, plan],
    npm: [contract],
    node: false,
  },
  [`${src}/engine`]: {
    imports: [
      lib,
      spec,
      ...contracts,
      cloudinit,
      templates,
      plan,
      `${src}/host`,
      `${src}/identity`,
      `${src}/images`,
      `${src}/guest`,
      `${src}/phases`,
      `${src}/snapshots`,
      `${src}/results`,
    ],
    npm: [contract],
    node: true,
  },
  [`${src}/timings`]: { imports: [lib, plan], npm: [contract, 'zod'], node: true },
  [`${src}/importers`]: { imports: [lib, spec], npm: [contract, 'yaml'], node: false },
  [`${src}/cli`]: {
    imports: [
      lib,
      spec,
      `${src}/importers`,
      plan,
      `${src}/host`,
      `${src}/timings`,
      `${src}/engine`,
      `${src}/images`,
      `${src}/guest`,
      `${src}/phases`,
      `${src}/snapshots`,
      `${src}/results`,
      `${src}/compose.ts`,
      `${src}/compose-lifecycle.ts`,
      `${src}/version.ts`,
    ],
    npm: [contract, 'commander', 'picocolors'],
    node: true,
  },
  [`${src}/compose.ts`]: {
    imports: [src],
    npm: [contract, '@vmwright/libvirt'],
    node: true,
  },
  // Apart, so that other commands do not load phases and results.
  [`${src}/compose-lifecycle.ts`]: { imports: [src], npm: ['@vmwright/libvirt'], node: true },
}

/** Files that pure ones may use although they import `node:`, each with its reason. */
const pureLeaves: Readonly<Record<string, string>> = {
  [`${lib}/addresses.ts`]: 'only calculates with addresses',
  [`${lib}/hash.ts`]: 'hashing is deterministic',
  [`${lib}/secret.ts`]: 'only the symbol that hides a value from `inspect`',
  [`${cloudinit}/password.ts`]: 'crypt(3) with a given salt',
}

/** Files in pure folders that are not pure. Pure ones may import their types only. */
const impureFiles: Readonly<Record<string, string>> = {
  [`${templates}/records.ts`]: 'keeps what is known of templates in files',
  [`${cloudinit}/host-keys.ts`]: 'makes keys when the engine asks for them; renderers are given the result',
}

const mayPrint = [`${src}/cli`]
const maxLines = 330
/** Captured bytes, which are data. */
const longByNature = ['libvirt/src/fixtures/captured.ts']

const isTestSupport = (file: string): boolean =>
  /\.(test|contract)\.ts$|\/testing\/|\/testing\.ts$|\/conformance(\/|\.ts$)|\/fixtures\//.test(file)

const files = readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /^[^/]+\/src\/.*\.ts$/.test(file))
  .toSorted()
  .map((path) => {
    const text = readFileSync(join(root, 'packages', path), 'utf8')
    return { path, text, lines: text.split('\n').length - 1, imports: importsOf(path, text) }
  })
const product = files.filter(({ path }) => !isTestSupport(path))

interface Import {
  readonly target: string
  readonly kind: 'local' | 'npm' | 'node'
  readonly typeOnly: boolean
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`; local targets as paths from `packages/`. */
function importsOf(path: string, text: string): readonly Import[] {
  const statement =
    /^(?:import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm
  return [...text.matchAll(statement)].map((match) => {
    const name = match[2] ?? match[3] ?? ''
    const typeOnly = match[1] !== undefined
    if (name.startsWith('.')) return { target: join(dirname(path), name), kind: 'local' as const, typeOnly }
    if (name.startsWith('node:')) return { target: name, kind: 'node' as const, typeOnly }
    const packageName = name.split('/').slice(0, name.startsWith('@') ? 2 : 1)
    return { target: packageName.join('/'), kind: 'npm' as const, typeOnly }
  })
}

const isWithin = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`)

function rowOf(path: string): string | undefined {
  return Object.keys(folders)
    .filter((row) => isWithin(path, row))
    .toSorted((a, b) => b.length - a.length)[0]
}

/** What a place of a pure folder may not have, found in the text of the code. */
const impurities: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, 'reads a clock'],
  [/\bMath\.random\(|\bcrypto\.(?:getRandomValues|randomUUID)\(/, 'uses randomness'],
  [/\bprocess\.(?:env|cwd|argv|platform|stdout|stderr)\b/, 'reads the process'],
  [/\bfetch\(|\bsetTimeout\(|\bsetInterval\(/, 'touches the outside'],
]

/** The code without comments, so that words in them do not count. */
const codeOf = (text: string): string =>
  text
    .replaceAll(/^.*disable-next-line typescript\/no-explicit-any.*\n.*$/gm, '')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(^|\s)\/\/.*$/gm, '$1')

describe('the architecture', () => {
  it('has a row in the table for every product file', () => {
    const homeless = product.filter(({ path }) => rowOf(path) === undefined && !isEntryPoint(path))
    expect(homeless.map(({ path }) => `${path}: add a row to \`folders\` in ${thisFile}`)).toEqual([])
  })

  it('has imports in one direction only', () => {
    const wrong = product.flatMap(({ path, imports }) => {
      const row = rowOf(path)
      const folder = row === undefined ? undefined : folders[row]
      if (row === undefined || folder === undefined) return []
      return imports
        .filter(({ kind, target }) => {
          if (kind === 'npm') return !folder.npm.includes(target)
          return (
            kind === 'local' && rowOf(target) !== row && !folder.imports.some((at) => isWithin(target, at))
          )
        })
        .map(
          ({ target }) =>
            `${path} imports ${target}: turn it round, or edit the row '${row}' of \`folders\` in ${thisFile}`,
        )
    })
    expect(wrong).toEqual([])
  })

  it('keeps test support out of the product', () => {
    const wrong = product.flatMap(({ path, imports }) =>
      imports
        .filter(({ kind, target }) =>
          kind === 'local' ? isTestSupport(target) : /^(vitest|fast-check)$/.test(target),
        )
        .filter(() => path !== 'libvirt/src/testing/index.ts')
        .map(
          ({ target }) =>
            `${path} imports ${target}, which exists for tests (see isTestSupport in ${thisFile})`,
        ),
    )
    expect(wrong).toEqual([])
  })

  it('keeps pure folders pure', () => {
    const wrong = product
      .filter(({ path }) => folders[rowOf(path) ?? '']?.node === false)
      .filter(({ path }) => pureLeaves[path] === undefined && impureFiles[path] === undefined)
      .flatMap(({ path, text, imports }) =>
        [
          ...imports.filter(({ kind }) => kind === 'node').map(({ target }) => `imports ${target}`),
          ...imports
            .filter((edge) => reachesNode(edge))
            .map(({ target }) => `imports ${target}, which is not pure`),
          ...impurities.filter(([pattern]) => pattern.test(codeOf(text))).map(([, what]) => what),
        ].map((what) => `${path} ${what}: move it out, or say in pureLeaves of ${thisFile} why it is pure`),
      )
    expect(wrong).toEqual([])
  })

  it('prints nowhere but on the command line', () => {
    const printing = product
      .filter(({ path }) => !mayPrint.some((place) => isWithin(path, place)))
      .filter(({ text }) =>
        /\bconsole\.(?:log|error|warn|info|debug|trace)\(|\bprocess\.std(?:out|err)\.write\(/.test(
          codeOf(text),
        ),
      )
    expect(
      printing.map(({ path }) => `${path}: return it, report it, or edit \`mayPrint\` in ${thisFile}`),
    ).toEqual([])
  })

  it(`has no file of more than ${maxLines} lines`, () => {
    const long = files.filter(({ path, lines }) => lines > maxLines && !longByNature.includes(path))
    expect(
      long.map(({ path, lines }) => `${path} has ${lines} lines: look for the second idea in it`),
    ).toEqual([])
  })

  it('has no `any`', () => {
    const untyped = files.filter(({ text }) =>
      /(?:[:<|&,(]|\bas|=>)\s*any\s*(?:[;,)>|&=[\]\n{}]|$)/.test(withoutStrings(codeOf(text))),
    )
    expect(untyped.map(({ path }) => `${path} has the type any: say what it is, or \`unknown\``)).toEqual([])
  })

  it("has no path of a developer's machine", () => {
    // Users of guest images have homes as well.
    const ownPath = /["'`\s(]\/(?:work|Users)\/|\/home\/(?!(?:debian|ubuntu|user|me|u)\b|\$\{)/
    const tied = files.filter(({ text }) => ownPath.test(text))
    expect(tied.map(({ path }) => `${path} names a folder that only one machine has`)).toEqual([])
  })

  it('has no exception that nothing needs', () => {
    const unused = Object.keys({ ...pureLeaves, ...impureFiles }).filter(
      (path) => !files.some((file) => file.path === path),
    )
    expect(unused.map((path) => `${thisFile} names ${path}, which does not exist`)).toEqual([])
  })
})

const isEntryPoint = (path: string): boolean => /^vmwright\/src\/[a-z-]+\.ts$/.test(path)

const withoutStrings = (code: string): string =>
  code.replaceAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|"(?:[^"\\\n]|\\.)*"/g, "''")

/** True for an import of values from an impure file, or from one of `lib` that needs `node:`, itself or through others. */
function reachesNode({ kind, target, typeOnly }: Import, seen = new Set<string>()): boolean {
  if (kind === 'local' && !typeOnly && impureFiles[target] !== undefined) return true
  if (kind !== 'local' || typeOnly || pureLeaves[target] !== undefined || seen.has(target)) return false
  seen.add(target)
  const file = files.find(({ path }) => path === target)
  if (file === undefined || !isWithin(target, lib)) return false
  return file.imports.some((edge) => edge.kind === 'node' || reachesNode(edge, seen))
}
