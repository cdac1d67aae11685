import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { load } from '../spec/testing/load.ts'
import { accessFormats, renderAccess } from './commands/access.ts'
import { exampleSpec } from './commands/schema.ts'
import { jumpOf, sshArguments } from './commands/ssh.ts'
import { commandTable } from './command-table.ts'
import { renderBash, renderFish, renderZsh } from './output/completion-script.ts'
import { buildProgram } from './program.ts'

const table = commandTable(buildProgram(() => async () => {}))
const page = readFileSync(join(import.meta.dirname, '../../../../docs/cli.md'), 'utf8')

describe('docs/cli.md', () => {
  const sections = new Map(
    page.split(/^## /m).flatMap((text) => {
      const command = /^`vmwright ([a-z ]+?)(?: [<[A-Z-].*)?`/.exec(text)?.[1]
      return command === undefined ? [] : [[command, text] as const]
    }),
  )
  const commands = table.filter((entry) => entry.path !== '' && entry.subcommands.length === 0)

  it('has a section for each command and for nothing else', () => {
    expect([...sections.keys()].toSorted()).toEqual(commands.map((entry) => entry.path).toSorted())
  })

  test.each(commands)('names every option of $path and no other', ({ path, options }) => {
    const own = sections.get(path) ?? ''
    const shared = page.split(/^## /m).find((section) => section.startsWith('Spec options')) ?? ''
    const text = own.includes('[Spec options](#spec-options)')
      ? own + (own.includes('without `--json`') ? shared.replace(/^.*--json.*$/gm, '') : shared)
      : own
    const rows = [...text.matchAll(/^\| `(-[^`]*)`/gm)].map((match) => match[1] ?? '')
    const named = rows.flatMap((row) => row.match(/(?<![\w-])--?[a-z-]+/gi) ?? [])
    const flags = options.flatMap((option) => option.flags).filter((flag) => !['-h', '--help'].includes(flag))
    expect(new Set(named)).toEqual(new Set(flags))
  })
})

describe('completion scripts', () => {
  test.each([
    ['bash', renderBash],
    ['zsh', renderZsh],
    ['fish', renderFish],
  ])('of %s know every command and option', (_shell, render) => {
    const script = render(table)
    const words = table.flatMap(({ path, options }) => [
      path,
      ...options.flatMap((option) => option.flags.map((flag) => flag.replace(/^--?/, ''))),
    ])
    expect(words.filter((word) => !script.includes(word))).toEqual([])
  })
})

it('offers in `access --format` what there is', () => {
  const format = table
    .find((entry) => entry.path === 'access')
    ?.options.find((each) => each.flags.includes('--format'))
  expect(format?.value).toEqual({ choices: accessFormats })
})

it('prints an example spec that is right', async () => {
  const { problems, spec } = await load(exampleSpec)
  expect(problems).toEqual([])
  expect(spec?.instances.map((instance) => instance.name)).toEqual(['web-1', 'web-2', 'db'])
})

const guest = {
  name: 'web-1',
  addresses: ['192.168.122.17'],
  port: 22,
  user: 'debian',
  hostKeys: ['ssh-ed25519 AAAA'],
  identityFile: '/home/me/100% mine/id_ed25519',
  group: 'web',
  host: 'rack1',
  domains: {},
}

describe('vmwright ssh', () => {
  it('X6: accepts the keys that the guest was given and no others, whatever the configuration says', () => {
    const args = sshArguments(guest, {
      knownHosts: '/tmp/x/known_hosts',
      jump: 'root@rack1',
      command: ['ls', '-l'],
    })
    expect(args.join(' ')).toMatchInlineSnapshot(
      `"-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/tmp/x/known_hosts -o GlobalKnownHostsFile=/dev/null -o HostKeyAlias=web-1 -o CheckHostIP=no -o IdentityFile="/home/me/100%% mine/id_ed25519" -J root@rack1 -p 22 -l debian -- 192.168.122.17 ls -l"`,
    )
  })

  it('takes the command behind two dashes too', () => {
    const command = ['--', 'ls', '-l']
    expect(sshArguments(guest, { knownHosts: '/tmp/k', jump: undefined, command }).slice(-4)).toEqual([
      '--',
      '192.168.122.17',
      'ls',
      '-l',
    ])
  })

  test.each([
    ['qemu:///system', undefined],
    ['qemu+ssh://rack1/system', 'rack1'],
    ['qemu+ssh://root@rack1:2222/system', 'root@rack1:2222'],
    ['qemu+tls://rack1/system', undefined],
  ])('finds the way through the host %s', (uri, want) => expect(jumpOf(uri)).toBe(want))
})

test.each([
  ['known-hosts', /^web-1,192\.168\.122\.17 ssh-ed25519 AAAA\n$/],
  ['hosts', /^192\.168\.122\.17\tweb-1\n$/],
  ['ssh-config', /^Host web-1\n {2}HostName 192\.168\.122\.17\n/],
  ['ansible', /ansible_host: 192\.168\.122\.17/],
] as const)('K9: gives access as %s', (format, want) => {
  const files = { knownHosts: '/home/me/known_hosts', project: 'lab' }
  expect(renderAccess(format, { guests: [guest] }, files)).toMatch(want)
})
