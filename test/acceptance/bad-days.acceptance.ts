import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { census } from '../support/census.ts'
import { define, type Lab, network, openLab, quickGuests } from '../support/lab.ts'
import { whyNoPrivateLibvirt } from '../support/private-libvirt.ts'
import { type Ended, jsonRun, requireCode } from '../support/program.ts'
import { linesOf } from '../support/virsh.ts'

/**
 * What can be wrong with a host, one after the other: each is said with its code and a hint, leaves nothing half
 * made, and the same command goes on when it is mended.
 */
const unavailable = whyNoPrivateLibvirt()
let lab: Lab
let before: readonly string[]

beforeAll(async () => {
  if (unavailable !== undefined) return
  lab = await openLab('bad')
  // The image pool and the cached image stay when machines go; they are part of the host from now on.
  await writeSpec('vmwright.yaml', { instances: { first: {}, second: { image: 'blank' } } })
  await expectCode(0, 'apply')
  // A file of somebody else's in the pool: a clean-up leaves the pool that is not empty.
  await lab.virsh('vol-create-as', 'vmwright-mine', 'theirs.raw', '1M')
  await expectCode(0, 'destroy', '--disks', '--yes')
  before = await host()
})
afterAll(() => lab?.[Symbol.asyncDispose]())
beforeEach(({ skip }) => skip(unavailable !== undefined, unavailable))
afterEach(async () => {
  if (unavailable !== undefined) return
  await lab.space.vmwright(['destroy', '--disks', '--yes'])
  await stillAsBefore()
})

const writeSpec = (name: string, more: object): Promise<string> =>
  lab.space.spec(name, {
    ...lab.base,
    project: 'bad',
    defaults: { ...quickGuests, snapshot: false },
    instances: { one: {} },
    ...more,
  })

async function expectCode(code: number, ...args: readonly string[]): Promise<Ended> {
  return requireCode(await lab.space.vmwright(args), code)
}

/** All that libvirt has and all that lies in the pool. */
async function host(): Promise<readonly string[]> {
  return [...(await census(lab.virsh)), ...(await readdir(lab.pool)).map((file) => `file ${file}`)]
}

const stillAsBefore = async (): Promise<void> => expect(await host()).toEqual(before)

describe('before anything is done', () => {
  it('C35: a machine of the name that others made is left alone, by apply and by destroy', async () => {
    await writeSpec('vmwright.yaml', { instances: { 'one-': {}, 'one-2': {} } })
    const { stderr } = await expectCode(5, 'apply')
    expect(stderr).toContain('vm.foreign')
    expect(stderr).toContain('one- on local was not made by vmwright')
    expect(stderr).toContain('one-2 on local belongs to the project other')
    await expectCode(0, 'destroy', '--disks', '--yes')
    await stillAsBefore()
    await writeSpec('vmwright.yaml', {})
    await expectCode(0, 'apply')
  })

  it('C15: a disk file of the name is not overwritten, and is used or removed when that is asked for', async () => {
    await writeSpec('vmwright.yaml', {})
    await writeFile(join(lab.pool, 'one.qcow2'), 'precious')
    await lab.virsh('pool-refresh', 'vmwright-mine')
    const { stderr } = await expectCode(5, 'apply')
    expect(stderr).toContain('disk.conflict')
    expect(stderr).toContain('--reuse-disks one')
    expect(await readFile(join(lab.pool, 'one.qcow2'), 'utf8')).toBe('precious')
    await expectCode(0, 'destroy', '--disks', '--yes')
    await expectCode(0, 'apply')
  })

  it('C13: a network that is missing is told with those that exist; an inactive one is started when allowed', async () => {
    await writeSpec('vmwright.yaml', { networks: { lab: { use: 'lba' } } })
    const missing = await expectCode(5, 'apply')
    expect(missing.stderr).toContain('network.not-found')
    expect(missing.stderr).toContain('Networks that exist: lab.')
    await stillAsBefore()

    await define(
      lab.space,
      lab.virsh,
      'net',
      network('asleep', 'vmwlab1').replaceAll('192.168.122', '192.168.123'),
    )
    try {
      await writeSpec('vmwright.yaml', { networks: { lab: { use: 'asleep' } } })
      expect((await expectCode(5, 'apply')).stderr).toContain('network.inactive')
      const { hosts } = lab.base as { readonly hosts: { readonly local: object } }
      await writeSpec('vmwright.yaml', {
        networks: { lab: { use: 'asleep' } },
        hosts: { local: { ...hosts.local, startInactiveNetworks: true } },
      })
      await expectCode(0, 'apply')
      expect(linesOf(await lab.virsh('net-list', '--name'))).toContain('asleep')
      await expectCode(0, 'destroy', '--disks', '--yes')
    } finally {
      await lab.virsh('net-destroy', 'asleep').catch(() => {})
      await lab.virsh('net-undefine', 'asleep')
    }
  })

  it('C15: a pool that is missing is told with those that exist', async () => {
    await writeSpec('vmwright.yaml', { pools: { mine: { use: 'nowhere' } } })
    const { stderr } = await expectCode(5, 'apply')
    expect(stderr).toContain('pool.not-found')
    expect(stderr).toContain('Pools that exist: theirs, vmwright-images, vmwright-mine.')
  })

  it('C15: addresses and MACs that others have are found, all of them at once', async () => {
    await lab.space.write(
      'libvirt/lib/dnsmasq/vmwlab0.status',
      JSON.stringify([
        {
          'ip-address': '192.168.122.50',
          'mac-address': '52:54:00:77:77:77',
          hostname: 'printer',
          'expiry-time': Math.floor(Date.now() / 1000) + 3600,
        },
      ]),
    )
    await writeSpec('vmwright.yaml', {
      instances: {
        one: { address: '192.168.122.50/24' },
        two: { interfaces: [{ network: 'lab', mac: '52:54:00:aa:bb:cc' }] },
      },
    })
    const { stderr } = await expectCode(5, 'apply')
    expect(stderr).toContain('192.168.122.50 is leased to printer')
    expect(stderr).toContain('52:54:00:aa:bb:cc belongs to the machine one-')
    await lab.space.write('libvirt/lib/dnsmasq/vmwlab0.status', '[]')
    await stillAsBefore()
  })
})

describe('images', () => {
  it('C1: an image with another digest than the spec says is refused', async () => {
    const { images } = lab.base as { readonly images: { readonly sleeper: object } }
    const digest = `sha256:${'0'.repeat(64)}`
    await writeSpec('vmwright.yaml', {
      images: { sleeper: { ...images.sleeper, file: './other.qcow2', digest } },
    })
    await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', 'other.qcow2', '32M'], {
      cwd: lab.space.folder,
    })
    expect((await expectCode(1, 'apply')).stderr).toContain('image.digest-mismatch')
    await stillAsBefore()
  })

  it('C1: a qcow2 image that would read other files of the host is refused', async () => {
    await promisify(execFile)(
      'qemu-img',
      ['create', '-q', '-f', 'qcow2', '-b', '/etc/shadow', '-F', 'raw', '-u', 'hostile.qcow2', '64M'],
      { cwd: lab.space.folder },
    )
    await writeSpec('vmwright.yaml', { images: { sleeper: { file: './hostile.qcow2', firmware: 'bios' } } })
    const { stderr } = await expectCode(1, 'apply')
    expect(stderr).toContain('image.')
    expect(stderr).toContain('backing file')
    await stillAsBefore()
  })
})

describe('in the middle', () => {
  it('C15: a pool that gets full while a disk is copied is told, and what was made is taken back', async () => {
    const small = join(lab.space.folder, 'small')
    await lab.libvirt.tmpfs(small, '16m')
    const raw = join(lab.space.folder, 'zeros.raw')
    // Compresses to little, so that the copy looks small before it is made.
    await writeFile(raw, Buffer.alloc(64 * 1024 * 1024, 'no zeros '))
    await promisify(execFile)('qemu-img', ['convert', '-c', '-f', 'raw', '-O', 'qcow2', raw, 'dense.qcow2'], {
      cwd: lab.space.folder,
    })
    const spec = (mode: string) => ({
      images: { dense: { file: './dense.qcow2', firmware: 'bios' } },
      pools: { mine: { path: small, name: 'small' } },
      defaults: { ...quickGuests, image: 'dense', snapshot: false, rootDisk: { size: '512MiB', mode } },
    })
    try {
      await writeSpec('vmwright.yaml', spec('copy'))
      const { stderr } = await expectCode(1, 'apply')
      expect(stderr).toContain('[pool.full]')
      expect(linesOf(await lab.virsh('list', '--all', '--name'))).toEqual(['one-', 'one-2'])
      expect(linesOf(await lab.virsh('vol-list', 'small'))).toEqual([])
      await writeSpec('vmwright.yaml', spec('overlay'))
      await expectCode(0, 'apply')
      await expectCode(0, 'destroy', '--disks', '--yes')
    } finally {
      // A complete clean-up has taken the pool away; a test that failed before has not.
      await lab.virsh('pool-destroy', 'small').catch(() => '')
      await lab.virsh('pool-undefine', 'small').catch(() => '')
      for (const line of linesOf(await lab.virsh('vol-list', 'vmwright-images')))
        if (line.startsWith('dense'))
          await lab.virsh('vol-delete', line.split(/\s+/)[0] ?? '', 'vmwright-images')
    }
  })

  it('X4: libvirtd that stops in the middle is told, and the same command goes on when it is back', async () => {
    await lab.space.write('large.raw', randomBytes(192 * 1024 * 1024))
    await writeSpec('vmwright.yaml', {
      images: { ...(lab.base['images'] as object), large: { file: './large.raw', firmware: 'bios' } },
      instances: { one: {}, two: { image: 'large', rootDisk: { mode: 'copy' } } },
    })
    const first = lab.space.start(['apply'])
    await first.printed('create disk two.qcow2')
    await lab.libvirt.stop()
    const ended = await first.ended
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/\[host\.(unreachable|connection-lost|operation-failed|timeout)\]/)
    expect(await expectCode(6, 'plan')).toMatchObject({ stderr: expect.stringContaining('host.unreachable') })
    await lab.libvirt.start()
    if ((await lab.virsh('net-list', '--name')).length === 0) await lab.virsh('net-start', 'lab')
    await expectCode(0, 'apply')
    await expectCode(0, 'plan', '--detailed-exitcode')
    await expectCode(0, 'destroy', '--disks', '--yes')
    for (const line of linesOf(await lab.virsh('vol-list', 'vmwright-images')))
      if (line.startsWith('large'))
        await lab.virsh('vol-delete', line.split(/\s+/)[0] ?? '', 'vmwright-images')
  })

  it('X8: Ctrl-C in the wait ends it at once, tells what there is, and the next apply goes on', async () => {
    await writeSpec('vmwright.yaml', {
      defaults: {
        ...quickGuests,
        snapshot: false,
        ready: { rungs: ['started', 'address'], timeouts: { address: '10m' } },
      },
    })
    const waiting = lab.space.start(['apply'])
    await waiting.printed('wait until one is ready')
    const startedMs = performance.now()
    waiting.child.kill('SIGINT')
    const { code, stdout, stderr } = await waiting.ended
    expect(code).toBe(130)
    expect(performance.now() - startedMs).toBeLessThan(60_000)
    expect(stderr).toContain('Cancelled.')
    expect(stdout).toMatch(/^one +local +running, created/m)
    await writeSpec('vmwright.yaml', {})
    const next = jsonRun(await lab.space.vmwright(['apply', '--json']))
    expect(next.result).toMatchObject({ outcome: 'done', changes: [{ instance: 'one', action: 'finish' }] })
  })
})

describe('C18: a guest with nothing to boot', () => {
  it.each(['uefi', 'bios'])('is recognised by what its %s firmware says on the console', async (firmware) => {
    await writeSpec('vmwright.yaml', {
      defaults: {
        ...quickGuests,
        image: 'blank',
        firmware,
        snapshot: false,
        ready: { rungs: ['started', 'address'], timeouts: { address: '4m' } },
      },
    })
    const { stdout } = await expectCode(1, 'apply', '--json')
    const error = jsonRun({ stdout }).events.flatMap((event) =>
      event.kind === 'step-failed' ? [event.error] : [],
    )[0]
    expect(error).toMatchObject({
      code: 'guest.no-boot-device',
      hint: expect.stringContaining('one'),
      details: {
        state: 'running',
        interfaces: [{ network: 'lab', dhcp: true }],
        addresses: expect.any(Object),
        console: expect.arrayContaining([expect.stringMatching(/no bootable|boot/i)]),
      },
    })
  })
})
