import { type Command, Option } from 'commander'
import type { CliContext } from './context.ts'
import { fileOption, jsonOption, parseDuration, varFileOption, varOption } from './options.ts'

/** Loads a command's code; it is called with the context, the arguments and the options. */
export type LoadCommand = () => Promise<(context: CliContext, ...args: never[]) => Promise<number>>

/** Turns a command's code into what commander calls. */
export type Runner = (load: LoadCommand) => (...args: unknown[]) => Promise<void>

export const withSpec = (command: Command): Command =>
  command.addOption(fileOption()).addOption(varOption()).addOption(varFileOption()).addOption(jsonOption())

export const names = '[names...]'
export const namesHelp = 'instances or groups; all when none is named'

export const lockTimeoutOption = () =>
  new Option('--lock-timeout <duration>', 'how long to wait for another run on a host')
    .argParser(parseDuration)
    .default(600_000, '10m')

export const timingsOption = () =>
  new Option(
    '--timings <path>',
    'folder for the timings of this run; otherwise it is one among the last runs',
  )

/** Examples below the help of a command, one a line. */
export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`
