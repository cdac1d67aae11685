import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { runProgram, type RunResult } from '../lib/process.ts'
import { Secret } from '../lib/secret.ts'
import { generateHostKeys } from './host-keys.ts'
import { writeIso, writeSeedImage } from './iso9660.ts'
import { hashPassword } from './password.ts'
import { renderSeed } from './render.ts'
import { dhcpInterface, exampleInstance, exampleSecrets, fullInstance } from './testing.ts'
import { toYaml } from './yaml11.ts'

/** What other people's programs make of our seeds, keys and hashes. A missing program skips its test and says so. */

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vmwright-cloudinit-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const inFolder = async (name: string, data: string | Uint8Array): Promise<string> => {
  const file = path.join(folder, name)
  await writeFile(file, data, { mode: 0o600 })
  return file
}

const needs = (context: TestContext, program: string, packageName: string): void => {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  const found = folders.some((directory) => existsSync(path.join(directory, program)))
  context.skip(!found, `${program} is missing: install the package ${packageName}`)
}

const output = async (program: string, ...args: readonly string[]): Promise<string> =>
  succeeded(await runProgram(program, args))

function succeeded(result: RunResult): string {
  if (result.exitCode !== 0) throw new Error(result.stderr)
  return result.stdout
}

const seed = renderSeed({ instance: fullInstance, instanceId: 'web-1-0001', generated: exampleSecrets })

describe('a seed image', () => {
  beforeEach((context) => needs(context, 'isoinfo', 'genisoimage'))

  const names = ['meta-data', 'network-config', 'user-data']

  it.each([
    ['plain names', [], ['META_DAT.;1', 'NETWORK_.;1', 'USER_DAT.;1'].map((name) => `/${name}`)],
    ['Rock Ridge', ['-R'], names.map((name) => `/${name}`)],
    ['Joliet', ['-J'], names.map((name) => `/${name}`)],
  ])('isoinfo lists and reads the files by %s', async (_tree, option, want) => {
    const image = await inFolder('seed.iso', writeSeedImage(seed))
    const listed = (await output('isoinfo', ...option, '-f', '-i', image)).trim().split('\n')
    const bare = (text: string): string => (option.length === 0 ? text : text.replace(/;1$/, ''))
    expect(listed.map(bare)).toEqual(want)
    const contents = [seed.metaData, seed.networkConfig, seed.userData]
    for (const [index, file] of listed.entries()) {
      expect(await output('isoinfo', ...option, '-i', image, '-x', file)).toBe(contents[index])
    }
  })

  it('blkid finds the label by which cloud-init looks for it', async (context) => {
    needs(context, 'blkid', 'util-linux')
    const image = await inFolder('label.iso', writeSeedImage(seed))
    const facts = await output('blkid', '-p', '-o', 'export', image)
    expect(facts).toMatch(/^LABEL=cidata$/m)
    expect(facts).toMatch(/^TYPE=iso9660$/m)
  })

  it('xorriso reads a tree of folders back as it was', async (context) => {
    needs(context, 'xorriso', 'xorriso')
    const entries = Array.from({ length: 90 }, (_, index) => ({
      path: `folder ${index % 7}/inner/ünï-${index}.text`,
      data: new TextEncoder().encode('x'.repeat(index * 50)),
    }))
    const image = await inFolder('tree.iso', writeIso('tree', entries))
    const found = await output('xorriso', '-indev', image, '-find', '/', '-type', 'f')
    expect(found.trim().split('\n').toSorted()).toEqual(entries.map((entry) => `'/${entry.path}'`).toSorted())
  })
})

describe('cloud-init', () => {
  beforeEach((context) => needs(context, 'cloud-init', 'cloud-init'))

  it.each([
    ['everything', seed],
    ['nothing', renderSeed({ instance: exampleInstance(), instanceId: 'a', generated: { hostKeys: [] } })],
    ['no secrets', renderSeed({ instance: fullInstance, instanceId: 'a', generated: 'sealed' })],
    [
      'DHCP',
      renderSeed({
        instance: exampleInstance({}, { interfaces: [dhcpInterface] }),
        instanceId: 'a',
        generated: exampleSecrets,
      }),
    ],
  ])('its schema accepts a user-data with %s', async (what, files) => {
    const file = await inFolder(`${what}.yaml`, files.userData)
    const result = await runProgram('cloud-init', ['schema', '--config-file', file])
    expect(succeeded(result)).toContain('Valid')
    expect(result.stdout + result.stderr).not.toMatch(/deprecat/i)
  })
})

it('PyYAML, which cloud-init reads with, finds the text that was written', async (context) => {
  needs(context, 'python3', 'python3-yaml')
  const probe = await runProgram('python3', ['-c', 'import yaml'])
  context.skip(probe.exitCode !== 0, 'PyYAML is missing: install the package python3-yaml')
  const character = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3 }),
    fc.constantFrom(
      ':',
      ' ',
      '#',
      '-',
      '\n',
      '\r\n',
      '\u0085',
      '\u2028',
      '<<',
      '=',
      'y',
      '0',
      '1',
      "'",
      '"',
      '\t',
      '|',
    ),
  )
  const texts = fc.sample(
    fc.array(character, { maxLength: 6 }).map((parts) => parts.join('')),
    { numRuns: 2000, seed: 7 },
  )
  const values = texts.filter((text) => text.isWellFormed())
  const file = await inFolder(
    'texts.yaml',
    toYaml({ values, keys: Object.fromEntries(values.map((text) => [text, 1])) }),
  )
  const script =
    'import json, sys, yaml; d = yaml.safe_load(open(sys.argv[1], encoding="utf-8")); print(json.dumps(d))'
  const read = JSON.parse(await output('python3', '-c', script, file)) as { values: unknown; keys: object }
  expect(read.values).toEqual(values)
  expect(Object.keys(read.keys).toSorted()).toEqual([...new Set(values)].toSorted())
})

it('X6: ssh-keygen derives our public keys from our private keys', async (context) => {
  needs(context, 'ssh-keygen', 'openssh-client')
  for (const key of generateHostKeys('web-1')) {
    const file = await inFolder(`key-${key.type}`, key.privateKey.reveal())
    expect((await output('ssh-keygen', '-y', '-f', file)).trim()).toBe(key.publicKey)
  }
})

it('C7: openssl makes the same hash of the same password and salt', async (context) => {
  needs(context, 'openssl', 'openssl')
  for (const password of ['a', 'changeme', 'äöü €', 'x'.repeat(130)]) {
    const hash = hashPassword(
      new Secret(password),
      new TextEncoder().encode(`salt-of-${password}`.padEnd(12)),
    )
    const salt = hash.split('$')[2] ?? ''
    const result = await runProgram('openssl', ['passwd', '-6', '-salt', salt, '-stdin'], {
      input: `${password}\n`,
    })
    expect(succeeded(result).trim()).toBe(hash)
  }
})
