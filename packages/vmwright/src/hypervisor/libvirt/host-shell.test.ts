import { noPreparation } from '../../spec/resolved-places.ts'
import { describe, expect, it } from 'vitest'
import type { HostSpec } from '../../spec/resolved.ts'
import { singleQuoted } from '../../lib/shell.ts'
import { hostShell, whyNoShell } from './host-shell.ts'

const spec = (uri: string): HostSpec => ({
  name: 'rack1',
  uri,
  acceleration: 'require-kvm',
  parallel: 4,
  imageCachePath: '/cache',
  startInactiveNetworks: false,
  runtimeUser: undefined,
  repairAccess: false,
  login: undefined,
  guest: undefined,
  preparation: noPreparation,
})

const script = 'printf %s "$1"'
const odd = [
  ['spaces', ' a  b '],
  ['quotes', `'"'"''`],
  ['newlines', 'a\nb\n'],
  ['a substitution', '$(reboot) `reboot` ${HOME}'],
  ['a leading dash', '-rf'],
  ['nothing', ''],
  ['pattern and escapes', '* \\ \\n ! # ; & | > <'],
] as const

/** What a POSIX shell makes of words in single quotes and of bare ones. */
function wordsOf(line: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [token] of line.matchAll(/'[^']*'|\\.|\s|[^'\\\s]+/gs)) {
    if (/^\s$/.test(token)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (token.startsWith("'")) word = (word ?? '') + token.slice(1, -1)
    else word = (word ?? '') + (token.startsWith('\\') ? token.slice(1) : token)
  }
  return word === undefined ? words : [...words, word]
}

describe('a command for the host', () => {
  it.each(odd)('X3: %s stay one argument on this machine', (_what, text) => {
    const line = hostShell(spec('qemu:///system')).commandLine({
      script,
      arguments: [text],
      privileged: false,
    })
    expect(line).toEqual(['sh', '-c', script, 'sh', text])
  })

  it.each(odd)('X3: %s stay one argument over ssh', (_what, text) => {
    const { commandLine } = hostShell(spec('qemu+ssh://root@rack1/system'))
    const line = commandLine({ script, arguments: [text], privileged: false })
    expect(line[0]).toBe('ssh')
    expect(line.slice(-2, -1)).toEqual(['rack1'])
    expect(wordsOf(line.at(-1) ?? '')).toEqual(['sh', '-c', script, 'sh', text])
  })

  it.each(odd)('X3: %s stay one argument under sudo', (_what, text) => {
    const { commandLine } = hostShell(spec('qemu+ssh://rack1/system'))
    const line = commandLine({ script: text, arguments: [text], privileged: true })
    const [, , asRoot, ...words] = wordsOf(line.at(-1) ?? '')
    expect(words).toEqual(['sh', text])
    expect(asRoot).toContain(`exec sudo -n sh -c ${singleQuoted(text)} sh "$@"`)
    expect(wordsOf(singleQuoted(text))).toEqual([text])
  })

  it('is not made root’s on a session’s host', () => {
    const { commandLine } = hostShell(spec('qemu:///session'))
    expect(commandLine({ script, privileged: true })).toEqual(['sh', '-c', script, 'sh'])
  })

  it('is refused over TLS, with the way out', () => {
    const uri = 'qemu://rack1/system'
    expect(whyNoShell(uri)).toContain('qemu+ssh://')
    expect(() => hostShell(spec(uri)).commandLine({ script, privileged: false })).toThrow(
      'No command can be run on host rack1',
    )
    for (const other of ['qemu:///system', 'qemu+ssh://rack1/system'])
      expect(whyNoShell(other)).toBeUndefined()
  })
})
