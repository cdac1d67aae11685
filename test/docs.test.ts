import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { errorCatalogue } from '@vmwright/contract'
import { CommanderError } from 'commander'
import { describe, expect, it, test } from 'vitest'
import { buildProgram } from '../packages/vmwright/src/cli/program.ts'
import { loadSpec } from '../packages/vmwright/src/spec/load.ts'
import { formatProblem } from '../packages/vmwright/src/spec/problem.ts'
import { errorPage } from '../scripts/error-page.ts'
import { catalogueFolder, filesIn, productSources, read, root } from './support/texts.ts'

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...filesIn('docs', '.md'),
  ...filesIn('packages', '.md'),
]

interface Block {
  /** `docs/guide.md:12` */
  readonly place: string
  readonly language: string
  readonly text: string
}

const blocks = pages.flatMap((page): readonly Block[] => {
  const text = read(page)
  return [...text.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)].map(
    ({ index, 1: language = '', 2: block = '' }) => ({
      place: `${page}:${text.slice(0, index).split('\n').length}`,
      language,
      text: block,
    }),
  )
})

describe('the error catalogue', () => {
  const product = productSources.filter(({ path }) => !path.startsWith(catalogueFolder))
  const codes = new Set<string>(Object.keys(errorCatalogue))
  /** Where a code is asked for and not told. */
  const questions = /\bcase '[^']+':|[!=]== '[^']+'|isProvisionError\([^()]*'[^']+'\)/g

  test.each([...codes])('%s is told by some part of the product', (code) => {
    const tellers = product.filter(({ text }) => text.replaceAll(questions, '').includes(`'${code}'`))
    expect(tellers.map(({ path }) => path)).not.toEqual([])
  })

  it('has every code that the product tells or promises in a comment', () => {
    const told =
      /new ProvisionError\(\s*'([^']+)'|\bcode: '([a-z-]+\.[a-z-]+)'|finding\(\s*'(?:error|warning)',\s*'([^']+)'/g
    const promised = /[Tt]hrows ((?:(?:,|,? and|,? or)? *`[a-z-]+\.[a-z-]+`)+)/g
    const unknown = product.flatMap(({ path, text }) => {
      const comments = text.replaceAll(/\n\s*\* /g, ' ')
      const named = [
        ...[...text.matchAll(told)].map((match) => match[1] ?? match[2] ?? match[3] ?? ''),
        ...[...comments.matchAll(promised)].flatMap((match) => match[1]?.match(/[a-z-]+\.[a-z-]+/g) ?? []),
      ]
      return named.filter((code) => !codes.has(code)).map((code) => `${path}: ${code}`)
    })
    expect(unknown).toEqual([])
  })

  it('is what docs/errors.md shows; else run scripts/generate-docs.ts', () => {
    expect(read('docs/errors.md')).toBe(errorPage())
  })
})

describe('specs in the documentation', () => {
  const specs = blocks.filter(
    ({ language, text }) => language === 'yaml' && /^(#.*\n)*version: 1$/m.test(text.slice(0, 200)),
  )
  const publicKey = `ssh-ed25519 ${Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0 0123456789abcdef0123456789abcdef', 'latin1').toString('base64')} me@laptop`

  test.each(specs)('X1: the spec at $place has no problems', async ({ text, place }) => {
    const reader = {
      async readText(path: string) {
        if (path.endsWith('/vmwright.yaml')) return new TextEncoder().encode(text)
        return new TextEncoder().encode(path.endsWith('.pub') ? publicKey : 'content')
      },
    }
    const { problems } = await loadSpec(reader, '/project/vmwright.yaml', {
      variables: {},
      homeDirectory: '/home/me',
      currentDirectory: '/project',
    })
    expect(problems.map((problem) => `${place}: ${formatProblem(problem)}`)).toEqual([])
  })
})

describe('commands in the documentation', () => {
  const lines = blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ place, text }) =>
      text
        .replaceAll(/\\\n\s*/g, '')
        .split('\n')
        .map((line) => ({ place, line })),
    )
  const inline = pages.flatMap((page) =>
    [...read(page).matchAll(/`((?:\.\/)?vmwright [^`\n]+)`/g)]
      .map((match) => ({ place: page, line: match[1] ?? '' }))
      // A pattern of a command line, and not one that could be typed.
      .filter(({ line }) => !/[[\]…]|\bSHELL\b/.test(line)),
  )
  const commandsIn = (from: typeof lines) =>
    from.flatMap(({ place, line }) =>
      vmwrightCommandsIn(line).map((words) => ({ place, words, command: `vmwright ${words.join(' ')}` })),
    )

  test.each(commandsIn(lines))('`$command` ($place) is understood', async ({ words }) => {
    expect(await complaintAbout(words)).toBeUndefined()
  })

  test.each(commandsIn(inline))('`$command` in the text of $place exists', async ({ words }) => {
    const complaint = (await complaintAbout(words)) ?? ''
    // A sentence may name a command or an option without what follows it.
    expect(complaint.replace(/^error: (missing required argument .*|option .* argument missing)$/, '')).toBe(
      '',
    )
  })

  it('would notice a command or an option that does not exist', async () => {
    expect(await complaintAbout(['aply'])).toMatch(/unknown command/)
    expect(await complaintAbout(['apply', '--chekc'])).toMatch(/unknown option/)
    expect(await complaintAbout(['apply', '--stage', 'all'])).toMatch(/Allowed choices/)
  })

  it('name only targets that the Makefile has', () => {
    const targets = new Set([...read('Makefile').matchAll(/^([a-z-]+):.*## /gm)].map((match) => match[1]))
    const named = lines.flatMap(({ place, line }) =>
      [...line.matchAll(/(?:^|[;&|] *|\$ )make ([a-z-]+)/g)].map((match) => ({ place, target: match[1] })),
    )
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter(({ target }) => !targets.has(target))).toEqual([])
  })
})

/** The arguments of each call of vmwright in a line of shell, without comments and redirections. */
function vmwrightCommandsIn(line: string): readonly (readonly string[])[] {
  const code = line
    .replace(/(^|\s)#.*$/, '')
    .replaceAll(/'[^']*'|"[^"]*"/g, (text) => hide(text.slice(1, -1)))
  return code.split(/\|\||&&|[|;()]/).flatMap((part) => {
    const words = part
      .replace(/\s\d?>.*$/, '')
      .trim()
      .split(/\s+/)
    const at = words.findIndex((word) => !/^(?:\$|sudo|time|[A-Z_]+=.*)$/.test(word))
    return /^(?:\.\/)?vmwright$/.test(words[at] ?? '') ? [words.slice(at + 1).map(show)] : []
  })
}

/** Quoted text as one word without the signs that the shell would act on, and back. */
const hide = (text: string): string => text.replaceAll(/[\s|;&()>#]/g, (sign) => `%${sign.charCodeAt(0)}%`)
const show = (word: string): string =>
  word.replaceAll(/%(\d+)%/g, (_all, code: string) => String.fromCharCode(Number(code)))

/** What the program says against a command line; `undefined`: nothing. No command is run. */
async function complaintAbout(words: readonly string[]): Promise<string | undefined> {
  const program = buildProgram(() => async () => {})
  const silent = { writeOut: () => {}, writeErr: () => {} }
  const silence = (command: typeof program): void => {
    command.configureOutput(silent)
    command.commands.forEach(silence)
  }
  silence(program)
  try {
    await program.parseAsync(words, { from: 'user' })
    return undefined
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined
    return error instanceof Error ? error.message : String(error)
  }
}

describe('links in the documentation', () => {
  const links = pages.flatMap((page) => {
    const text = read(page).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => ({ page, link: match[1] ?? '' }))
      .filter(({ link }) => !/^[a-z]+:/.test(link))
  })

  it('are there at all', () => {
    expect(links.length).toBeGreaterThan(20)
  })

  it('lead to files and headings that exist', () => {
    const broken = links.filter(({ page, link }) => {
      const [path = '', anchor] = link.split('#', 2)
      const target = path === '' ? join(root, page) : join(root, dirname(page), path)
      if (!existsSync(target)) return true
      return anchor !== undefined && !headingsOf(relative(root, target)).has(anchor)
    })
    expect(broken).toEqual([])
  })
})

/** Anchors as GitHub makes them. */
function headingsOf(page: string): ReadonlySet<string> {
  const titles = [...read(page).matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? '')
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

describe('decisions', () => {
  const records = readdirSync(join(root, 'docs/decisions')).filter((name) => name !== 'README.md')

  test.each(records)('%s says context, decision and consequence in at most 40 lines', (name) => {
    const text = read(`docs/decisions/${name}`)
    const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1])
    expect(name).toMatch(/^\d{4}-[a-z0-9-]+\.md$/)
    expect(headings.slice(1)).toEqual(['Context', 'Decision', 'Consequence'])
    expect(text.split('\n').length).toBeLessThanOrEqual(41)
  })

  it('are all in the list', () => {
    const list = read('docs/decisions/README.md')
    expect(records.filter((name) => !list.includes(`(${name})`))).toEqual([])
  })
})
