import { describe, expect, it, test } from 'vitest'
import { expandRange } from '../spec/ansible/inventory.ts'
import { Notes } from './notes.ts'
import { readFiles } from './read-files.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { memoryReader } from './testing.ts'
import type { Value } from '../spec/ansible/value.ts'

const read = (files: Readonly<Record<string, string>>, notes = new Notes()): Promise<SourceFiles> =>
  readFiles(memoryReader(files), Object.keys(files), notes)

const scalar = (value: Value | undefined): unknown => (value?.kind === 'scalar' ? value.value : value?.kind)

const ini = `; one host
lonely ansible_host=10.0.0.1
[web]
web[01:03] port=80  # three
"quoted" name='two words'
[web:vars]
color = blue
[all:vars]
color=grey
level=1
[site:children]
web
`
const yaml = `all:
  vars: { color: grey, level: 1 }
  hosts: { lonely: { ansible_host: 10.0.0.1 } }
  children:
    site:
      children:
        web:
          hosts: { "web[01:03]": { port: 80 }, quoted: { name: two words } }
          vars: { color: blue }
`

describe('X5: inventories', () => {
  test.each([
    ['INI', { hosts: ini }],
    ['YAML', { 'hosts.yml': yaml }],
  ])('X5: %s', async (_form, files) => {
    const { inventory, scopeOfHost } = await read(files as Record<string, string>)
    expect(inventory.groups.get('web')?.hosts).toEqual(['web01', 'web02', 'web03', 'quoted'])
    expect(inventory.groups.get('site')?.children).toEqual(['web'])
    expect(scalar(scopeOfHost('web02').get('port'))).toBe(80)
    expect(scalar(scopeOfHost('web02').get('color'))).toBe('blue')
    expect(scalar(scopeOfHost('quoted').get('name'))).toBe('two words')
    expect(scalar(scopeOfHost('web01').get('inventory_hostname'))).toBe('web01')
  })

  it('X5: variables of all < group < host < vars files', async () => {
    const { scopeOfHost, scope } = await read({
      'inv.ini': '[g]\nh inline=inventory\n',
      'group_vars/all.yml': 'a: all\nb: all\nc: all\nd: all\n',
      'group_vars/g/one.yml': 'b: group\nc: group\nd: group\n',
      'host_vars/h.yml': 'c: host\nd: host\ninline: file\n',
      'vars.yml': 'd: vars\n',
    })
    const own = scopeOfHost('h')
    expect(['a', 'b', 'c', 'd', 'inline'].map((name) => scalar(own.get(name)))).toEqual([
      'all',
      'group',
      'host',
      'vars',
      'file',
    ])
    expect(scalar(scope.get('b'))).toBe('all')
  })

  it('X5: numbered files are merged in their order, local settings last, defaults first', async () => {
    const files = {
      'p/vars/02-b.yml': 'x: two\ny: two\n',
      'p/vars/01-a.yml': 'x: one\ny: one\nz: one\n',
      'p/vars/settings.local.yml': 'y: local\n',
      'p/vars/settings-reference.local.yml': 'y: reference\n',
      'p/defaults/main.yml': 'z: default\nw: default\n',
      'p/.git/config.yml': 'x: git\n',
    }
    const source = await readFiles(memoryReader(files), ['p'], new Notes())
    expect(['x', 'y', 'z', 'w'].map((name) => scalar(source.scope.get(name)))).toEqual([
      'two',
      'local',
      'one',
      'default',
    ])
    expect(source.files.map(({ name }) => name)).toEqual([
      'p/defaults/main.yml',
      'p/vars/01-a.yml',
      'p/vars/02-b.yml',
      'p/vars/settings.local.yml',
    ])
  })

  it('X5: a file that is encrypted as a whole is told, not read', async () => {
    const notes = new Notes()
    await read({ 'vars.yml': 'a: 1\n', 'vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n6162\n' }, notes)
    expect(notes.of('question')).toMatchObject([{ place: { file: 'vault.yml', line: 1 } }])
  })

  test.each([
    ['a bad section', '[web\nx\n', 'inv.ini:1'],
    ['a word without value', '[web]\nh c4nary\n', 'inv.ini:2'],
    ['an open quote', '[web]\nh a="c4nary\n', 'inv.ini:2'],
    ['a NUL', '[web]\nh a=c4nary\0\n', 'inv.ini:1'],
  ])('X5: %s is refused at its line, without the text', async (_what, text, place) => {
    const error: unknown = await read({ 'inv.ini': text }).catch((each: unknown) => each)
    expect(error).toMatchObject({ code: 'import.invalid' })
    expect(String(error)).toContain(place)
    expect(String(error)).not.toContain('c4nary')
  })

  test.each([
    ['web[1:3]', ['web1', 'web2', 'web3']],
    ['web[08:10].lan', ['web08.lan', 'web09.lan', 'web10.lan']],
    ['web[3:1]', ['web[3:1]']],
    ['web[1:999999]', ['web[1:999999]']],
    ['web', ['web']],
  ])('X5: range %s', (pattern, names) => {
    expect(expandRange(pattern)).toEqual(names)
  })

  it('X5: too large and too many files are refused', async () => {
    const large = 'a: 1\n'.repeat(300_000)
    await expect(read({ 'a.yml': large })).rejects.toMatchObject({ code: 'import.invalid' })
    const many = Object.fromEntries(Array.from({ length: 301 }, (_, index) => [`v/${index}.yml`, 'a: 1\n']))
    await expect(readFiles(memoryReader(many), ['v'], new Notes())).rejects.toMatchObject({
      code: 'import.invalid',
    })
    await expect(readFiles(memoryReader({}), ['nowhere'], new Notes())).rejects.toMatchObject({
      code: 'import.invalid',
    })
  })
})
