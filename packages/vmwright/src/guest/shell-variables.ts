import { singleQuoted } from '../lib/shell.ts'

export const shells = ['sh', 'fish', 'powershell'] as const
export type Shell = (typeof shells)[number]

/** `undefined`: the variable goes. */
export type Variables = Readonly<Record<string, string | undefined>>

/** Text for a shell to evaluate, one variable a line; names must be identifiers. Pure. */
export const renderVariables = (shell: Shell, variables: Variables): string =>
  Object.entries(variables)
    .map(([name, value]) => (value === undefined ? unset[shell](name) : set[shell](name, value)))
    .map((line) => `${line}\n`)
    .join('')

const set: Readonly<Record<Shell, (name: string, value: string) => string>> = {
  sh: (name, value) => `export ${name}=${singleQuoted(value)}`,
  // fish(1), "Quotes": in single quotes a backslash escapes itself and the quote.
  fish: (name, value) => `set -gx ${name} '${value.replaceAll(/[\\']/g, String.raw`\$&`)}'`,
  // about_Quoting_Rules: in single quotes only these are special, typographic ones too, and are doubled.
  powershell: (name, value) => `$env:${name} = '${value.replaceAll(/['‘’‚‛]/g, '$&$&')}'`,
}

const unset: Readonly<Record<Shell, (name: string) => string>> = {
  sh: (name) => `unset ${name}`,
  fish: (name) => `set -e ${name}`,
  powershell: (name) => `Remove-Item -ErrorAction SilentlyContinue Env:${name}`,
}
