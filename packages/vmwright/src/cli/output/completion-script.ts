import type { CommandEntry, CommandTable, OptionEntry, ValueKind } from '../command-table.ts'

/**
 * Completion scripts. All is written into them but the names of instances, for which the script calls
 * `vmwright completion --names`: that reads the spec and asks no host.
 */
export const renderBash = (
  table: CommandTable,
): string => `# vmwright completion for bash: source <(vmwright completion bash)
_vmwright() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at="" file="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      -f|--file) file="\${COMP_WORDS[i+1]}" ;;
    esac
    case "\${at:+$at }$word" in
      ${paths(table)}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at:$prev" in
${table.flatMap((entry) => entry.options.flatMap((option) => bashOption(entry, option))).join('\n')}
  esac
  if [[ "$cur" == -* ]]; then
    case "$at" in
${table.map((entry) => `      ${quoted(entry.path)}) COMPREPLY=($(compgen -W ${quoted(flagsOf(entry).join(' '))} -- "$cur")) ;;`).join('\n')}
    esac
    return
  fi
  case "$at" in
${table.map((entry) => `    ${quoted(entry.path)}) COMPREPLY=($(compgen -W ${bashWords(entry)} -- "$cur")) ;;`).join('\n')}
  esac
}
_vmwright_names() {
  vmwright completion --names $2 \${1:+-f "$1"} 2>/dev/null
}
complete -o default -F _vmwright vmwright
`

function bashOption(entry: CommandEntry, option: OptionEntry): readonly string[] {
  if (option.value === 'none') return []
  const patterns = option.flags.map((flag) => quoted(`${entry.path}:${flag}`)).join('|')
  const reply = bashReply(option.value)
  return [`    ${patterns}) ${reply === undefined ? 'COMPREPLY=()' : reply}; return ;;`]
}

function bashReply(value: ValueKind): string | undefined {
  if (value === 'none' || value === 'any') return undefined
  if (value === 'instance') return 'COMPREPLY=($(compgen -W "$(_vmwright_names "$file")" -- "$cur"))'
  if (value === 'network') return 'COMPREPLY=($(compgen -W "$(_vmwright_names "$file" networks)" -- "$cur"))'
  if (value === 'run') return 'COMPREPLY=($(compgen -W "$(_vmwright_names "$file" runs)" -- "$cur"))'
  if (value === 'file') return 'COMPREPLY=($(compgen -f -- "$cur"))'
  return `COMPREPLY=($(compgen -W ${quoted(value.choices.join(' '))} -- "$cur"))`
}

function bashWords(entry: CommandEntry): string {
  const fixed = wordsOf(entry)
  const names = namesOf(entry)
  return names === undefined
    ? quoted(fixed.join(' '))
    : `"${[...fixed, `$(_vmwright_names "$file"${kindWord(names)})`].join(' ')}"`
}

export const renderZsh = (table: CommandTable): string => `#compdef vmwright
# vmwright completion for zsh: vmwright completion zsh > a folder of $fpath, as _vmwright
_vmwright() {
  local at="" file="" word i
  for ((i = 2; i < CURRENT; i++)); do
    word="$words[i]"
    case "$word" in
      -f|--file) file="$words[i+1]" ;;
    esac
    case "\${at:+$at }$word" in
      ${paths(table)}) at="\${at:+$at }$word" ;;
    esac
  done
  local prev="$words[CURRENT-1]"
  case "$at:$prev" in
${table.flatMap((entry) => entry.options.flatMap((option) => zshOption(entry, option))).join('\n')}
  esac
  local -a flags words_here
  case "$at" in
${table
  .map(
    (entry) => `    ${quoted(entry.path)})
      flags=(${entry.options.flatMap((option) => option.flags.map((flag) => described(flag, option.description))).join(' ')})
      words_here=(${[
        ...entry.subcommands.map((each) => described(each.name, each.description)),
        ...choicesOf(entry).map(quoted),
      ].join(' ')})${zshNames(entry)}
      ;;`,
  )
  .join('\n')}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then _describe option flags; else _describe command words_here; fi
}
_vmwright_names() {
  local -a names
  names=(\${(f)"$(vmwright completion --names $2 \${1:+-f "$1"} 2>/dev/null)"})
  compadd -a names
}
compdef _vmwright vmwright
`

function zshNames(entry: CommandEntry): string {
  const names = namesOf(entry)
  return names === undefined ? '' : `\n      _vmwright_names "$file"${kindWord(names)}`
}

function zshOption(entry: CommandEntry, option: OptionEntry): readonly string[] {
  const { value } = option
  if (value === 'none') return []
  const patterns = option.flags.map((flag) => quoted(`${entry.path}:${flag}`)).join('|')
  const reply =
    value === 'file'
      ? '_files'
      : value === 'instance'
        ? '_vmwright_names "$file"'
        : value === 'network'
          ? '_vmwright_names "$file" networks'
          : value === 'run'
            ? '_vmwright_names "$file" runs'
            : value === 'any'
              ? ':'
              : `compadd ${value.choices.map(quoted).join(' ')}`
  return [`    ${patterns}) ${reply}; return ;;`]
}

const described = (word: string, description: string): string =>
  quoted(`${word.replaceAll(':', '\\:')}:${description}`)

export const renderFish = (table: CommandTable): string =>
  [
    '# vmwright completion for fish: vmwright completion fish > ~/.config/fish/completions/vmwright.fish',
    `function __vmwright_at
  set -l at
  for word in (commandline -opc)[2..]
    switch (string join ' ' -- $at $word)
      case ${table
        .filter((entry) => entry.path !== '')
        .map((entry) => quoted(entry.path))
        .join(' ')}
        set -a at $word
    end
  end
  test (string join ' ' -- $at) = "$argv"
end
function __vmwright_names
  set -l file
  set -l words (commandline -opc)
  for i in (seq (count $words))
    if contains -- $words[$i] -f --file; and test $i -lt (count $words)
      set file -f $words[(math $i + 1)]
    end
  end
  vmwright completion --names $argv $file 2>/dev/null
end
complete -c vmwright -f`,
    ...table.flatMap(fishEntry),
    '',
  ].join('\n')

function fishEntry(entry: CommandEntry): readonly string[] {
  const here = `complete -c vmwright -n ${quoted(`__vmwright_at ${entry.path}`.trim())}`
  return [
    ...entry.subcommands.map((each) => `${here} -a ${quoted(each.name)} -d ${quoted(each.description)}`),
    ...choicesOf(entry).map((choice) => `${here} -a ${quoted(choice)}`),
    ...fishNames(entry, here),
    ...entry.options.map((option) => {
      const flags = option.flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      )
      return `${here} ${flags.join(' ')}${fishValue(option.value)} -d ${quoted(option.description)}`
    }),
  ]
}

function fishNames(entry: CommandEntry, here: string): readonly string[] {
  const names = namesOf(entry)
  return names === undefined ? [] : [`${here} -a '(__vmwright_names${kindWord(names)})'`]
}

function fishValue(value: ValueKind): string {
  if (value === 'none') return ''
  if (value === 'file') return ' -r -F'
  if (value === 'any') return ' -x'
  if (value === 'run') return ` -x -a '(__vmwright_names runs)'`
  if (value === 'network') return ` -x -a '(__vmwright_names networks)'`
  return value === 'instance' ? ` -x -a '(__vmwright_names)'` : ` -x -a ${quoted(value.choices.join(' '))}`
}

const paths = (table: CommandTable): string =>
  table.flatMap((entry) => (entry.path === '' ? [] : [quoted(entry.path)])).join('|')

const flagsOf = (entry: CommandEntry): readonly string[] => entry.options.flatMap((option) => option.flags)

const choicesOf = (entry: CommandEntry): readonly string[] =>
  entry.arguments.flatMap(({ value }) => (typeof value === 'object' ? value.choices : []))

const wordsOf = (entry: CommandEntry): readonly string[] => [
  ...entry.subcommands.map((each) => each.name),
  ...choicesOf(entry),
]

/** Which names its arguments are. */
const namesOf = (entry: CommandEntry): 'instances' | 'runs' | undefined =>
  entry.arguments.some(({ value }) => value === 'instance')
    ? 'instances'
    : entry.arguments.some(({ value }) => value === 'run')
      ? 'runs'
      : undefined

/** Instances are what is asked for unless another kind is named. */
const kindWord = (names: 'instances' | 'runs'): string => (names === 'instances' ? '' : ` ${names}`)

/** One word for any of the shells: nothing in it is code. fish alone reads a backslash in quotes; none is in here. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`
