import { InvalidArgumentError, Option } from 'commander'

/** Options that several commands share, as commander gives them. */
export interface SpecOptions {
  readonly file: string
  readonly var: Readonly<Record<string, string>>
  readonly varFile?: string
  readonly json: boolean
}

const defaultFile = 'vmwright.yaml'

/** Nobody has named a file. */
export const isDefaultFile = ({ file }: Pick<SpecOptions, 'file'>): boolean => file === defaultFile

export const fileOption = () =>
  new Option('-f, --file <path>', 'the spec').default(defaultFile).env('VMWRIGHT_FILE')

export const jsonOption = () => new Option('--json', 'results and events as JSON').default(false)

export const varOption = () =>
  new Option('--var <name=value>', 'a variable of the spec (may be repeated)')
    .default({})
    .argParser((text: string, before: Record<string, string>) => {
      const at = text.indexOf('=')
      if (at < 1) throw new InvalidArgumentError('Write it as name=value.')
      return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
    })

export const varFileOption = () => new Option('--var-file <path>', 'variables from a YAML file')

/** `--adopt NAME`, may be repeated or given a list with commas; `all` stands for every instance. */
export const namesOption = (flag: string, description: string) =>
  new Option(`--${flag} <names>`, description).default([] as readonly string[]).argParser(addNames)

const addNames = (text: string, before: readonly string[]): readonly string[] => [
  ...before,
  ...text.split(',').filter((name) => name !== ''),
]

/** `--restart-network NAME`, likewise. */
export const networksOption = (flag: string, description: string) =>
  new Option(`--${flag} <networks>`, description).default([] as readonly string[]).argParser(addNames)

/** `90s`, `10m`, `2h`, `14d` → milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text)
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match?.[2] ?? '']
  if (match === null || factor === undefined)
    throw new InvalidArgumentError('Write it with a unit: 90s, 10m, 2h, 14d.')
  return Number(match[1]) * factor
}

/** `vmwright ssh`, as the person has to type it here: with the program's name as it was called, and the spec's. */
export function sshCommand(
  environment: Readonly<Record<string, string | undefined>>,
  options: Pick<SpecOptions, 'file'>,
): string {
  const program = environment['VMWRIGHT_PROGRAM'] ?? 'vmwright'
  return options.file === defaultFile ? `${program} ssh` : `${program} ssh -f ${options.file}`
}
