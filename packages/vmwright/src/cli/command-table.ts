import type { Argument, Command, Option } from 'commander'

/** The command line as data: what completion scripts and the check of the documentation are made from. */
export type CommandTable = readonly CommandEntry[]

export interface CommandEntry {
  /** Words after `vmwright`: `images pull`; empty for the program itself. */
  readonly path: string
  readonly description: string
  readonly subcommands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly OptionEntry[]
  readonly arguments: readonly ArgumentEntry[]
}

export interface OptionEntry {
  /** `-f`, `--file` */
  readonly flags: readonly string[]
  readonly description: string
  readonly value: ValueKind
}

export interface ArgumentEntry {
  readonly name: string
  readonly variadic: boolean
  readonly value: ValueKind
}

/** What may stand there: nothing, an instance's or a network's name, a run of lifecycles, a file, one of some words, anything. */
export type ValueKind =
  'none' | 'instance' | 'network' | 'run' | 'file' | 'any' | { readonly choices: readonly string[] }

export const commandTable = (program: Command): CommandTable => entriesOf(program, [])

function entriesOf(command: Command, path: readonly string[]): CommandEntry[] {
  const help = command.createHelp()
  const subcommands = help.visibleCommands(command).filter((each) => each.name() !== 'help')
  return [
    {
      path: path.join(' '),
      description: command.description(),
      subcommands: subcommands.map((each) => ({ name: each.name(), description: each.description() })),
      options: help.visibleOptions(command).map(optionEntry),
      arguments: command.registeredArguments.map(argumentEntry),
    },
    ...subcommands.flatMap((each) => entriesOf(each, [...path, each.name()])),
  ]
}

const optionEntry = (option: Option): OptionEntry => ({
  flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
  description: option.description,
  value: valueOfOption(option),
})

function valueOfOption(option: Option): ValueKind {
  if (option.argChoices !== undefined) return { choices: option.argChoices }
  const value = /<(.+)>/.exec(option.flags)?.[1]
  if (value === undefined) return 'none'
  return valuesByName[value] ?? 'any'
}

const valuesByName: Readonly<Record<string, ValueKind>> = {
  path: 'file',
  names: 'instance',
  networks: 'network',
}

const argumentEntry = (argument: Argument): ArgumentEntry => ({
  name: argument.name(),
  variadic: argument.variadic,
  value:
    argument.argChoices !== undefined
      ? { choices: argument.argChoices }
      : ['name', 'names'].includes(argument.name())
        ? 'instance'
        : argument.name() === 'run'
          ? 'run'
          : 'any',
})
