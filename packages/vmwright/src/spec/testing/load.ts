import type { FileReader } from '../include.ts'
import { type LoadedSpec, loadSpec, type LoadOptions } from '../load.ts'
import { formatProblem } from '../problem.ts'
import type { ResolvedSpec } from '../resolved.ts'

/** Files in memory; a text stands for its UTF-8 bytes. */
export const readerOf = (files: Readonly<Record<string, string | Uint8Array>>): FileReader => ({
  async readText(path) {
    const content = Object.hasOwn(files, path) ? files[path] : undefined
    return typeof content === 'string' ? new TextEncoder().encode(content) : content
  },
  async list(path) {
    const below = Object.keys(files).filter((file) => file.startsWith(`${path}/`))
    const names = new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))
    return below.length === 0 ? undefined : [...names]
  },
})

/** Loads `vmwright.yaml` of the folder `/specs`, beside other files given by absolute path. */
export const load = (
  text: string | Uint8Array,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  options: Partial<LoadOptions> = {},
): Promise<LoadedSpec> =>
  loadSpec(readerOf({ '/specs/vmwright.yaml': text, ...files }), 'vmwright.yaml', {
    variables: {},
    homeDirectory: '/home/me',
    currentDirectory: '/specs',
    ...options,
  })

/** A spec that must be right; the problems are the message when it is not. */
export async function loadSound(...parameters: Parameters<typeof load>): Promise<ResolvedSpec> {
  const { spec, problems } = await load(...parameters)
  if (spec === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  return spec
}

export const problemLines = async (...parameters: Parameters<typeof load>): Promise<readonly string[]> =>
  (await load(...parameters)).problems.map(formatProblem)

/** `version` and `project`, and then the text. */
export const withHead = (text: string): string => `version: 1\nproject: demo\n${text}`

/** A spec of one instance `web`, with the given fields at column 5 of line 6. */
export const withInstance = (fields: string): string =>
  withHead(`instances:\n  web:\n    image: debian-12\n    ${fields}\n`)

export const goldTemplate = 'templates: { gold: { domain: golden } }\n'

/** A clone `web` of the template `gold`, with the given fields at column 5 of line 7. */
export const withClone = (fields: string, templates = goldTemplate): string =>
  withHead(`${templates}instances:\n  web:\n    template: gold\n    ${fields}\n`)
