import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/**
 * The program as a process against several hosts: those of libvirt's test driver, each of a file of its own, and one
 * that does not answer. All are in an Ansible inventory.
 */
const main = join(import.meta.dirname, '../../packages/vmwright/src/cli/main.ts')
let folder: string

async function vmwright(...args: readonly string[]) {
  const child = spawn(process.execPath, ['--conditions=source', main, ...args, '--json'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const exitCode = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)))
  const last = stdout.startsWith('{"') ? (stdout.trim().split('\n').at(-1) ?? '') : stdout
  return { exitCode, result: JSON.parse(last) as unknown }
}

const node = (memoryMib: number): string => `<node>
  <cpu><mhz>3000</mhz><model>i986</model><active>8</active><nodes>1</nodes><sockets>1</sockets><cores>8</cores><threads>1</threads></cpu>
  <memory>${memoryMib * 1024}</memory>
  <network type='network'><name>default</name><bridge name='virbr0'/><forward/><ip address='192.168.122.1' netmask='255.255.255.0'/></network>
</node>
`

const spec = (instances: string): string => `version: 1
project: hosts-contract
hostInventory: { file: inventory, uri: "test://${folder}/{name}.xml", settings: { acceleration: emulate } }
hosts: { gone: { uri: "qemu+unix:///system?socket=/nonexistent/libvirt-sock" } }
images: { local: { file: ./image.qcow2, firmware: bios } }
defaults: { image: local, memory: 1GiB, snapshot: false }
instances:
${instances}`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmwright-hosts-'))
  await mkdir(join(folder, 'inventory'))
  await writeFile(join(folder, 'inventory/hosts'), '[racks]\nlarge\nsmall\ngone\n')
  await writeFile(join(folder, 'large.xml'), node(16_384))
  await writeFile(join(folder, 'small.xml'), node(2_560))
  await writeFile(join(folder, 'image.qcow2'), '')
  await writeFile(
    join(folder, 'some.yaml'),
    spec(
      '  web: { count: 4, placement: { hosts: [large, small], group: together-allowed } }\n  db: { host: gone }\n',
    ),
  )
  await writeFile(join(folder, 'none.yaml'), spec('  db: { host: gone }\n'))
  await writeFile(join(folder, 'full.yaml'), spec('  web: { memory: 4GiB, placement: { hosts: [small] } }\n'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('K12: several hosts of an inventory', () => {
  it('K12: status tells of all but the one that is down, and why', async () => {
    const { exitCode, result } = await vmwright('status', '-f', 'some.yaml')
    expect(exitCode).toBe(1)
    expect((result as { host: string; state: string }[]).map(({ host, state }) => [host, state])).toEqual([
      ['large', 'absent'],
      ['small', 'absent'],
      ['large', 'absent'],
      ['large', 'absent'],
      ['gone', 'unknown'],
    ])
    expect(JSON.stringify(result)).toContain('its host gone cannot be reached')
  })

  it('K12: destroy goes on without the host that is down, and says that it did not do all', async () => {
    const { exitCode, result } = await vmwright('destroy', '--yes', '-f', 'some.yaml')
    expect(exitCode).toBe(1)
    expect(result).toMatchObject({
      outcome: 'failed',
      unreachable: { gone: { code: 'host.unreachable' } },
    })
  })

  it('K12: no host at all is an error', async () => {
    const { exitCode, result } = await vmwright('status', '-f', 'none.yaml')
    expect(exitCode).toBe(6)
    expect(result).toMatchObject({ error: { code: 'host.unreachable' } })
  })

  it('K12: a plan says which hosts have no room, and why', async () => {
    const { exitCode, result } = await vmwright('plan', '-f', 'full.yaml')
    expect(exitCode).toBe(5)
    expect(JSON.stringify(result)).toContain(
      'No host has room for web: small has 2560 MiB of memory left of 2560, and it wants 4096.',
    )
  })
})
