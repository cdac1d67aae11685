import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it, test } from 'vitest'
import type { GuestLogin } from '../../packages/vmwright/src/guest/access.ts'
import { inventoryList, renderAnsibleInventory } from '../../packages/vmwright/src/guest/inventory.ts'
import { renderVariables } from '../../packages/vmwright/src/guest/shell-variables.ts'

/** What we write, read by the programs that it is for. */
const folder = mkdtempSync('/var/tmp/vmwright-outputs-')
afterAll(() => rmSync(folder, { recursive: true }))

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined

describe('Ansible', () => {
  beforeEach(({ skip }) =>
    skip(!isThere('ansible-inventory'), 'ansible-inventory is missing (Debian: ansible-core)'),
  )

  const web: GuestLogin = {
    name: 'web-1',
    addresses: ['192.168.122.17', 'fd00::17'],
    port: 2222,
    user: 'debian',
    hostKeys: [],
    identityFile: '/home/me/id_ed25519',
    group: 'web',
    host: 'rack-1',
    domains: {},
  }
  const guests = [web, { ...web, name: 'db', group: 'db', addresses: ['10.0.0.5'] }]
  const files = { knownHosts: "/home/me/100% o'mine/known_hosts", project: 'lab' }
  const list = inventoryList(guests, files)

  const ask = (inventory: string, ...words: readonly string[]) => {
    const { stdout, stderr } = spawnSync('ansible-inventory', ['-i', inventory, ...words], {
      encoding: 'utf8',
      env: { ...process.env, ANSIBLE_NOCOLOR: '1', ANSIBLE_LOCALHOST_WARNING: '0', HOME: folder },
    })
    return { said: stderr, answer: JSON.parse(stdout) as Readonly<Record<string, unknown>> }
  }
  /** A script that answers as `vmwright inventory` does. */
  const script = (): string => {
    const path = join(folder, 'inventory')
    writeFileSync(join(folder, 'list.json'), JSON.stringify(list))
    writeFileSync(path, `#!/bin/sh\n[ "$1" = --list ] && exec cat ${folder}/list.json\nexit 1\n`, {
      mode: 0o755,
    })
    return path
  }
  const yaml = (): string => {
    const path = join(folder, 'hosts.yaml')
    writeFileSync(path, renderAnsibleInventory(guests, files))
    return path
  }

  test.each([
    ['as a script', script],
    ['in YAML', yaml],
  ])('K9: takes the inventory %s without a warning', (_, write) => {
    const { said, answer } = ask(write(), '--list')
    expect(said).toBe('')
    expect(answer['_meta']).toEqual(list._meta)
    for (const group of ['web', 'host_rack_1', 'project_lab']) expect(answer[group]).toEqual(list[group])
  })

  it('K9: asks for one guest', () => {
    expect(ask(script(), '--host', 'web-1').answer).toEqual(list._meta.hostvars['web-1'])
  })
})

describe('shells', () => {
  const value = `it's "$HOME" $(id) \`id\` \\ \\' ’ 100% *`
  test.for([
    { shell: 'sh', program: 'sh' },
    { shell: 'sh', program: 'bash' },
    { shell: 'fish', program: 'fish' },
  ] as const)('K9: variables come to $program as they are, and go again', ({ shell, program }, { skip }) => {
    skip(program !== 'sh' && !isThere(program), `${program} is not installed`)
    const text = renderVariables(shell, { VMWRIGHT_TEST: value, OTHER: undefined })
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, OTHER: 'there' }
    const print = 'env -0 | grep -z -e ^VMWRIGHT_TEST= -e ^OTHER='
    const output = execFileSync(program, ['-c', `${text}${print}`], { env, encoding: 'utf8' })
    expect(output).toBe(`VMWRIGHT_TEST=${value}\0`)
  })
})
