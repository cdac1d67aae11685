import { describe, expect, it } from 'vitest'
import { Secret } from '../lib/secret.ts'
import { launchLine, launchText } from './channel-launch.ts'

describe('the command line', () => {
  it.each([
    ['the login itself', { login: 'debian', user: undefined, hasPassword: true }, /^exec \/bin\/sh -c '/],
    ['its own name', { login: 'debian', user: 'debian', hasPassword: true }, /^exec \/bin\/sh -c '/],
    [
      'root without a password',
      { login: 'debian', user: 'root', hasPassword: false },
      /^exec sudo -n -H -u root -- /,
    ],
    [
      'root with a password',
      { login: 'debian', user: 'root', hasPassword: true },
      /^exec sudo -S -p \S+ -H -u root -- /,
    ],
    [
      'another of root',
      { login: 'root', user: 'www-data', hasPassword: false },
      /^exec su -s \/bin\/sh -c '.*' www-data$/,
    ],
  ])('G5: for %s', (_case, become, want) => {
    const line = launchLine(become)
    expect(line).toMatch(want)
    // csh takes `!` and line ends for its own, fish the backslash before a quote.
    expect(line).not.toMatch(/[!\n]|\\'/)
    expect(line.split("'").length).toBe(3)
  })

  it.each(['a b', '-u', 'x;id', "it's", '$(id)', ''])('G5: refuses %j as a user', (user) => {
    expect(() => launchLine({ login: 'debian', user, hasPassword: false })).toThrow(/No user of the guest/)
  })
})

describe('what it reads', () => {
  it('G5: has the command between two marks, quoted', () => {
    const text = launchText('n1', {
      script: 'make',
      args: [`it's`],
      directory: '/a b',
      environment: { KEY: new Secret("a'b") },
    })
    expect(text.split('\n')).toEqual([
      'vmwright:n1',
      'unset c e l N',
      'printf "%s %s\\n" vmwright:n1 "$$"; printf "%s\\n" vmwright:n1 >&2',
      `export KEY='a'\\''b'`,
      `cd -- '/a b' || exit 2`,
      `set -- 'it'\\''s'`,
      'set -e',
      'make',
      'vmwright:n1',
      '',
    ])
  })

  it.each([
    ['a name that is none', { script: '', environment: { 'A-B': 'x' } }],
    ['a name with a command', { script: '', environment: { 'A=$(id)': 'x' } }],
    ['a byte 0', { script: 'a\0b' }],
  ])('G5: refuses %s', (_case, command) => {
    expect(() => launchText('n', command)).toThrow(expect.objectContaining({ code: 'guest.command-failed' }))
  })
})
