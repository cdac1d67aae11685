import { ubuntuKeyring } from './catalogue.ts'
import { addInventoryHosts } from './host-inventory.ts'
import { type FileReader, type Folders, readTree } from './include.ts'
import { addMatrixFiles } from './matrix-files.ts'
import { problemAt } from './node.ts'
import { resolvePath } from './path.ts'
import { hasErrors, inOrder, type Problem } from './problem.ts'
import { filesNamed } from './references.ts'
import { resolveSpec } from './resolve.ts'
import type { ResolvedSpec } from './resolved.ts'
import { checkStructure } from './structure.ts'
import { expandVariables, type GivenVariable } from './variables.ts'
import { parseYaml } from './yaml.ts'

export interface LoadOptions extends Folders {
  /** From `--var name=value`; these win over files. */
  readonly variables: Readonly<Record<string, string>>
  /** From `--var-file`: YAML mappings of names to values; a later one wins. */
  readonly variableFiles?: readonly string[]
  /** `$XDG_DATA_HOME`; where session hosts keep things. Default `~/.local/share`. */
  readonly dataDirectory?: string
}

export interface LoadedSpec {
  /** `undefined` when there is an error among the problems. */
  readonly spec: ResolvedSpec | undefined
  /** In the order of the text, all of them. */
  readonly problems: readonly Problem[]
}

/**
 * Reads a spec and all that it names, and checks it. Nothing but `reader` touches the outside. What is wrong
 * with the spec is returned, never thrown; only what the reader throws passes through.
 */
export async function loadSpec(reader: FileReader, path: string, options: LoadOptions): Promise<LoadedSpec> {
  const tree = await readTree(reader, path, options)
  const given = await readVariables(reader, options)
  const problems: readonly Problem[] = [...tree.problems, ...given.problems]
  if (tree.root === undefined) return { spec: undefined, problems: inOrder(problems) }

  const first = expandVariables(tree.root, given.variables)
  const matrix = await addMatrixFiles(reader, { root: tree.root, named: first.root }, options)
  const expanded = matrix.root === tree.root ? first : expandVariables(matrix.root, given.variables)
  const { root, problems: ofInventory } = await addInventoryHosts(reader, expanded.root, options)
  const { document, sound, problems: faults } = checkStructure(root)
  const files = await readTexts(reader, filesNamed(document, sound, options.homeDirectory))
  const usesUbuntu = JSON.stringify([
    document.defaults?.image,
    document.images,
    document.instances,
    document.matrix,
  ]).includes('ubuntu-')
  const keyring = usesUbuntu ? await reader.readText(ubuntuKeyring) : undefined
  const { spec, problems: found } = resolveSpec({
    document,
    trees: { written: root, sound },
    file: path,
    homeDirectory: options.homeDirectory,
    dataFolder: `${options.dataDirectory ?? `${options.homeDirectory}/.local/share`}/vmwright`,
    files,
    installedKeyrings: new Set(keyring === undefined ? [] : [ubuntuKeyring]),
  })
  const all = [...problems, ...expanded.problems, ...matrix.problems, ...ofInventory, ...faults, ...found]
  return { spec: hasErrors(all) ? undefined : spec, problems: inOrder(all) }
}

async function readTexts(
  reader: FileReader,
  paths: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>()
  for (const path of paths) {
    const bytes = await reader.readText(path)
    if (bytes === undefined) continue
    try {
      texts.set(path, new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    } catch {
      // Not UTF-8: told where the file is named.
    }
  }
  return texts
}

async function readVariables(
  reader: FileReader,
  { variableFiles = [], variables, currentDirectory, homeDirectory }: LoadOptions,
): Promise<{ readonly variables: readonly GivenVariable[]; readonly problems: readonly Problem[] }> {
  const given: GivenVariable[] = []
  const problems: Problem[] = []
  for (const file of variableFiles) {
    const start = { source: { file, folder: '/', lineStarts: [0] }, offset: 0 }
    const bytes = await reader.readText(resolvePath(currentDirectory, file, homeDirectory))
    if (bytes === undefined) {
      problems.push(problemAt(start, { message: 'the file cannot be read', hint: 'Correct `--var-file`.' }))
      continue
    }
    const parsed = parseYaml({ file, folder: '/', bytes })
    for (const problem of parsed.problems) problems.push(problem)
    if (parsed.root === undefined) continue
    if (parsed.root.kind !== 'map') {
      problems.push(problemAt(parsed.root.place, { message: 'must be a mapping of variables to values' }))
      continue
    }
    for (const [name, { node }] of parsed.root.entries) {
      if (node.kind === 'scalar' && node.value !== null) given.push({ name, value: node.value })
      else
        problems.push(
          problemAt(node.place, { path: [name], message: 'must be a text, a number or `true`/`false`' }),
        )
    }
  }
  return {
    variables: [...given, ...Object.entries(variables).map(([name, value]) => ({ name, value }))],
    problems,
  }
}
