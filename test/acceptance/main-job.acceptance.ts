import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { watchCommandLines } from '../support/argv-watch.ts'
import { freeAddress, guestFacts, guestScript } from '../support/guest-facts.ts'
import { type JsonResult, jsonRun, mutationsOf, program, requireCode } from '../support/program.ts'
import { smallLinux, smallReady, whyNoSmallLinux } from '../support/small-linux.ts'
import { sweep } from '../support/sweep.ts'
import { linesOf, openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/**
 * One spec, two guests, from nothing to gone again. The tests are one story and build on each other, because
 * each boot of an emulated Debian costs most of a minute. One guest is that, with all that cloud-init does for it; of
 * the other it matters how it is made, reached and taken back, for which a small Linux is enough.
 */
const virsh = openVirsh('qemu:///system')
const prefix = 'vmwright-job-'
const [web, db] = [`${prefix}web`, `${prefix}db`]
const pool = `${prefix}pool`
/** Not ours, although their names begin with names of ours; in the pool is a volume with just such a name. */
const [stranger, strangersPool] = [`${web}-2`, `${pool}-2`]
const password = `canary-${randomBytes(12).toString('hex')}`
const env = { JOB_PASSWORD: password }
const whyNot = whyNoSmallLinux()

let space: Workspace
let address: string
let before: readonly string[]

beforeAll(async () => {
  if (whyNot !== undefined) return
  await sweep(virsh, prefix)
  space = await openWorkspace('job')
  address = await freeAddress(virsh, 'default')
  await writeSpec({ webDisk: '4GiB' })
  await space.write(
    'stranger.xml',
    `<domain type='qemu'><name>${stranger}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>`,
  )
  await virsh('define', join(space.folder, 'stranger.xml'))
  await mkdir(join(space.folder, 'theirs'))
  await virsh('pool-create-as', strangersPool, 'dir', '--target', join(space.folder, 'theirs'))
  await virsh('vol-create-as', strangersPool, `${web}.qcow2`, '1M')
  before = await strangersCensus()
})
beforeEach(({ skip }) => skip(whyNot !== undefined, whyNot))

afterAll(async () => {
  await sweep(virsh, prefix)
  await space?.[Symbol.asyncDispose]()
})

/** What it keeps on its disk is there again after a restart. */
const small = (): Promise<object> => smallLinux({ packages: [], size: '256M' })

const writeSpec = async (sizes: { readonly webDisk: string }): Promise<string> =>
  space.spec('vmwright.yaml', {
    version: 1,
    project: 'acceptance-main-job',
    hosts: { local: { acceleration: 'emulate', parallel: 2 } },
    networks: {
      lan: {
        use: 'default',
        gateway4: address.replace(/\d+$/, '1'),
        dns: [address.replace(/\d+$/, '1')],
        search: ['lab.example'],
      },
    },
    images: { small: await small() },
    pools: { here: { path: join(space.folder, 'pool'), name: pool } },
    defaults: {
      image: 'debian-12',
      memory: '768MiB',
      cloudInit: { timezone: 'Europe/Berlin', packageUpdate: false, packageUpgrade: false },
    },
    instances: {
      [web]: { image: 'small', memory: '192MiB', rootDisk: { size: sizes.webDisk }, ready: smallReady },
      [db]: {
        address: `${address}/24`,
        rootDisk: { size: '4GiB', mode: 'copy' },
        extraDisks: [
          { device: 'vdb', size: '256MiB', mount: { path: '/data', filesystem: 'ext4', label: 'data' } },
        ],
        autostart: true,
        cloudInit: {
          user: {
            name: 'ann',
            sudo: 'ALL=(ALL) NOPASSWD:ALL',
            password: { env: 'JOB_PASSWORD' },
          },
          writeFiles: [{ path: '/etc/job', content: 'written\n', owner: 'root:root', permissions: '0640' }],
          bootcmd: ['echo boot >> /run/job-boot'],
          runcmd: [['touch', '/var/lib/job-ran'], 'echo "a shell runs this" > /var/lib/job-shell'],
        },
      },
    },
  })

const vmwright = (...args: readonly string[]) => space.vmwright(args, env)
const inGuest = (name: string, script: string) => vmwright('ssh', name, '--', script)

const strangersCensus = async (): Promise<readonly string[]> => [
  await virsh('dumpxml', '--inactive', stranger),
  await virsh('vol-list', strangersPool),
]

const ours = async (list: readonly string[]): Promise<readonly string[]> =>
  linesOf(await virsh(...list))
    .filter((name) => name.startsWith(prefix) && name !== stranger && name !== strangersPool)
    .toSorted()

const volumes = async (): Promise<readonly string[]> => {
  await virsh('pool-refresh', pool)
  return linesOf(await virsh('vol-list', pool)).map((line) => line.split(/\s+/)[0] ?? '')
}

async function seedText(name: string): Promise<string> {
  const file = join(space.folder, `${name}-seed.copy`)
  await virsh('vol-download', `${name}-seed.iso`, file, '--pool', pool)
  return (await readFile(file)).toString('latin1')
}

describe('before anything is done', () => {
  it('T10: validate and apply --check look at everything in seconds and change nothing', async () => {
    const valid = await vmwright('validate')
    expect(valid).toMatchObject({ code: 0 })
    const check = await vmwright('apply', '--check')
    expect(check.code).toBe(0)
    // No wait for anything: a guest, a lock or an answer that does not come.
    expect(check.durationMs).toBeLessThan(60_000)
    expect(check.stdout).toContain(`define ${db} (2 CPUs, 768 MiB, uefi)`)
    expect(await ours(['list', '--all', '--name'])).toEqual([])
    expect(await ours(['pool-list', '--all', '--name'])).toEqual([])
  })

  it('X2, C6, C9, C10: the plan shows what each guest will be made of', async () => {
    const { code, stdout } = await vmwright('plan', '--json', '--detailed-exitcode')
    expect(code).toBe(2)
    const plan = JSON.parse(stdout) as JsonResult & { readonly steps: readonly { readonly title: string }[] }
    expect(plan.changes).toMatchObject([
      { instance: web, action: 'create' },
      { instance: db, action: 'create' },
    ])
    expect(plan.findings).toEqual([])
    const titles = plan.steps.map((step) => step.title)
    expect(titles).toContain(`create disk ${web}.qcow2 (4 GiB, overlay of small)`)
    expect(titles).toContain(`create disk ${db}.qcow2 (4 GiB, copy of debian-12)`)
    expect(titles).toContain(`create disk ${db}-vdb.qcow2 (256 MiB)`)
  })
})

describe('apply', () => {
  it('C3, C14, C15: the stages preflight, image-cache and provision do their part and no other', async () => {
    const preflight = await vmwright('apply', '--stage', 'preflight')
    expect(preflight.code).toBe(0)
    const images = jsonRun(await vmwright('apply', '--stage', 'image-cache', '--json'))
    expect(images.result.outcome).toBe('done')
    expect(await ours(['list', '--all', '--name'])).toEqual([])

    const watch = watchCommandLines(password)
    const provision = await vmwright('apply', '--stage', 'provision', db, '--json')
    const watched = await watch.stop()
    expect(provision).toMatchObject({ code: 0, stderr: '' })
    expect(provision.stdout).not.toContain(password)
    expect(watched).toMatchObject({ found: [] })
    expect(await ours(['list', '--all', '--name'])).toEqual([db])
    expect(await virsh('domstate', db)).toBe('shut off')
    expect(jsonRun(provision).result.instances).toMatchObject([
      { name: db, state: 'stopped', provision: 'created' },
    ])
  })

  it('C6, C16, C17, C20, X8: goes on from there to two guests that are ready, told in plain lines and a table', async () => {
    const watch = watchCommandLines(password)
    const { code, stdout, stderr } = await vmwright('apply')
    const watched = await watch.stop()
    requireCode({ code, stdout, stderr })
    expect(stderr).toContain(`${web}: define ${web}`)
    expect(stderr).not.toContain(`define ${db}`)
    expect(stderr).toMatch(new RegExp(`^${db}: wait until ${db} is ready: done in \\d`, 'm'))
    expect(stderr).not.toContain('\u001B')
    const rows = stdout.split('\n').map((line) => line.split(/\s{2,}/))
    expect(rows[0]).toEqual(['NAME', 'HOST', 'STATE', 'ADDRESS', 'LOG IN WITH'])
    expect(rows[1]?.slice(0, 3)).toEqual([web, 'local', 'running'])
    expect(rows[2]).toEqual([
      db,
      'local',
      'running',
      address,
      expect.stringMatching(new RegExp(`vmwright ssh ${db}$`)),
    ])
    expect(stdout + stderr).not.toContain(password)
    expect(watched.looks).toBeGreaterThan(20)
    expect(watched.found).toEqual([])
  })

  it('C16, X2, X3: a second one changes nothing, and the plan is empty, for whoever has the spec', async () => {
    const second = await vmwright('apply', '--json')
    expect(second.code).toBe(0)
    expect(jsonRun(second).result.outcome).toBe('unchanged')
    expect(mutationsOf(jsonRun(second))).toBe(0)
    const elsewhere = await space.vmwright(['plan', '--detailed-exitcode'], {
      ...env,
      XDG_DATA_HOME: join(space.folder, 'home/another'),
    })
    expect(elsewhere).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing to do') })
    const runtime = jsonRun(await vmwright('apply', '--stage', 'runtime', '--json'))
    expect(runtime.result.outcome).toBe('unchanged')
  })
})

describe('inside the guests', () => {
  it('C7, C8, C9, X6: both are reached with the injected keys, and are what the spec says', async () => {
    const found = guestFacts(requireCode(await inGuest(db, guestScript)).stdout)
    expect(found).toMatchObject({
      cloudInit: { status: 'done', errors: [] },
      hostname: db,
      user: 'ann',
      root: 'root',
      sudo: 'ann ALL=(ALL) NOPASSWD:ALL',
      timezone: '/usr/share/zoneinfo/Europe/Berlin',
      machineId: expect.stringMatching(/^[0-9a-f]{32}$/),
      diskBytes: 4 * 1024 ** 3,
    })
    // Grown to the disk: all of it but the partitions that boot it and what the file system needs itself.
    expect(found.rootBytes).toBeGreaterThan(3.5 * 1024 ** 3)
    expect(await virsh('dumpxml', db)).toContain(found.hostKey)

    const other = await inGuest(web, "hostname; id -un; cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub")
    const [hostname, user, hostKey = 'none'] = linesOf(requireCode(other).stdout)
    expect([hostname, user]).toEqual([web, 'root'])
    expect(await virsh('dumpxml', web)).toContain(hostKey)
    expect(hostKey).not.toBe(found.hostKey)
  })

  it('C7, C8, C9: the address, disk, files, commands and password of db are those of its spec', async () => {
    const { code, stdout } = await inGuest(
      db,
      `findmnt -no SOURCE,FSTYPE,LABEL /data; ip -4 -o address show scope global | grep -o 'inet [^ ]*'
       ip route show default | grep -o 'via [^ ]*'; sudo stat -c '%a %U %G' /etc/job; sudo cat /etc/job
       ls /var/lib/job-ran; cat /var/lib/job-shell /run/job-boot; sudo grep ^ann: /etc/shadow; cat /etc/fstab | grep /data`,
    )
    expect(code).toBe(0)
    const lines = linesOf(stdout)
    expect(lines.slice(0, 8).map((line) => line.replace(/\s+/g, ' '))).toEqual([
      '/dev/vdb1 ext4 data',
      `inet ${address}/24`,
      `via ${address.replace(/\d+$/, '1')}`,
      '640 root root',
      'written',
      '/var/lib/job-ran',
      'a shell runs this',
      'boot',
    ])
    expect(lines.at(-1)).toMatch(/\/data\s+ext4\s+defaults,nofail/)
    const hash = lines.find((line) => line.startsWith('ann:'))?.split(':')[1] ?? ''
    const salt = /^\$6\$(.*)\$/.exec(hash)?.[1] ?? 'none'
    const again = execFileSync('openssl', ['passwd', '-6', '-stdin', '-salt', salt], {
      input: `${password}\n`,
    })
    expect(again.toString().trim()).toBe(hash)
  })

  it('C8, C11, C12, C19: libvirt has the MAC, the seed on SCSI, one socket, and autostart as the spec says', async () => {
    for (const name of [web, db]) {
      const xml = await virsh('dumpxml', name)
      expect(xml).toMatch(/<mac address='52:54:00:[0-9a-f:]{8}'\/>/)
      expect(xml).toMatch(/<topology sockets='1' dies='1' cores='2' threads='1'\/>/)
      expect(xml).toMatch(/machine='pc-q35/)
    }
    expect(await virsh('dumpxml', db)).toMatch(/<loader[^>]*>\/.*OVMF/)
    expect(await virsh('dumpxml', db)).toMatch(/<target dev='sda' bus='scsi'/)
    expect(await ours(['list', '--all', '--autostart', '--name'])).toEqual([db])
  })

  it('K9, X6: ssh gets in with the written configuration and strict host keys, and nothing else is asked', async () => {
    const config = join(space.folder, 'ssh_config')
    expect(await vmwright('access', '--format', 'ssh-config', '--output', config)).toMatchObject({ code: 0 })
    const ssh = (name: string) =>
      execFileSync('ssh', ['-F', config, '-o', 'BatchMode=yes', name, 'hostname'], { encoding: 'utf8' })
    expect(ssh(db).trim()).toBe(db)
    const { stdout } = await vmwright('access', '--format', 'hosts')
    expect(stdout).toContain(`${address}\t${db}`)
  })

  it('K10: the console of a guest is the terminal, until Ctrl-]', async () => {
    const output = await onTerminal(`${program} console ${db}`, [
      ['Connected to', '\r'],
      ['login:', '\u001D'],
    ])
    expect(output).toContain(`${db} login:`)
    expect(output).toContain(`Left ${db}; it runs on.`)
  })

  it('T11: ping and status tell that hosts and guests answer', async () => {
    const ping = await vmwright('ping')
    expect(ping).toMatchObject({ code: 0, stdout: expect.stringContaining(address) })
    const status = JSON.parse((await vmwright('status', '--json')).stdout) as JsonResult['instances']
    expect(status).toMatchObject([
      { name: web, state: 'running', provision: 'provisioned', snapshots: ['snapshot-a'], drift: [] },
      { name: db, state: 'running', provision: 'provisioned', snapshots: ['snapshot-a'], drift: [] },
    ])
  })
})

describe('secrets', () => {
  it('C7, X3: neither the seeds nor libvirt have a private key, a password or its hash any more', async () => {
    for (const name of [web, db]) {
      const seed = await seedText(name)
      expect(seed).toContain(`hostname: ${name}`)
      for (const secret of ['PRIVATE KEY', '$6$', password]) expect(seed).not.toContain(secret)
      const xml = await virsh('dumpxml', '--security-info', name)
      for (const secret of ['PRIVATE KEY', '$6$', password]) expect(xml).not.toContain(secret)
    }
  })

  it('C7: nothing that was written in the folders of the person has the password', async () => {
    for (const entry of await readdir(space.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || /\/(pool|theirs)$/.test(entry.parentPath)) continue
      const hasPassword = (await readFile(join(entry.parentPath, entry.name))).includes(password)
      expect({ file: entry.name, hasPassword }).toEqual({ file: entry.name, hasPassword: false })
    }
  })
})

describe('later', () => {
  it.each([
    ['bios', web, ''],
    ['uefi', db, 'sudo'],
  ])(
    'C17: the snapshot of a %s guest takes back what was written after it',
    async (_firmware, name, sudo) => {
      const ask = async (script: string): Promise<string> => requireCode(await inGuest(name, script)).stdout
      const identity = 'cat /etc/hostname /etc/ssh/*.pub /etc/machine-id 2>/dev/null || true'
      const own = await ask(identity)
      expect(own).toContain(name)
      expect(await ask(`${sudo} touch /var/after-snapshot && sync && ls /var`)).toContain('after-snapshot')
      expect(await vmwright('snapshot', 'restore', name)).toMatchObject({ code: 3 })
      expect(await ask('ls /var')).toContain('after-snapshot')
      requireCode(await vmwright('snapshot', 'restore', name, '--yes'))
      expect(linesOf(await ask('ls /var'))).toEqual(expect.not.arrayContaining(['after-snapshot']))
      expect(await ask(identity)).toBe(own)
      expect(jsonRun(await vmwright('apply', name, '--json')).result.outcome).toBe('unchanged')
    },
  )

  it('X2: a larger root disk is made in place, while the guest runs; a smaller one is refused', async () => {
    await writeSpec({ webDisk: '5GiB' })
    const { stdout } = await vmwright('plan')
    expect(stdout).toMatch(/disk vda.*4 GiB.*5 GiB/)
    requireCode(await vmwright('apply'))
    const sectors = requireCode(await inGuest(web, 'cat /sys/block/vda/size')).stdout
    expect(Number(sectors) * 512).toBe(5 * 1024 ** 3)
    expect(await vmwright('plan', '--detailed-exitcode')).toMatchObject({ code: 0 })
    await writeSpec({ webDisk: '4GiB' })
    expect(await vmwright('apply')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('disk.shrink-refused'),
    })
    await writeSpec({ webDisk: '5GiB' })
  })
})

describe('destroy', () => {
  it('C31: only shows what it would do when it is not confirmed', async () => {
    const shown = await vmwright('destroy', '--disks')
    expect(shown.code).toBe(3)
    expect(shown.stdout).toContain(`remove the definition of ${web}`)
    expect(shown.stdout).toContain(`delete ${db}-vdb.qcow2`)
    expect(await ours(['list', '--name'])).toEqual([db, web])
  })

  it('C32, C34: leaves the disks when they are not asked for, but not NVRAM and snapshots', async () => {
    const nvram = /<nvram[^>]*>([^<]+)</.exec(await virsh('dumpxml', db))?.[1] ?? ''
    expect(nvram).toContain(db)
    requireCode(await vmwright('destroy', db, '--yes'))
    expect(await ours(['list', '--all', '--name'])).toEqual([web])
    expect(await volumes()).toContain(`${db}.qcow2`)
    expect(existsSync(nvram)).toBe(false)
  })

  it('C30, C32, C33, C34: removes exactly what was made, stale files too, and no cached image', async () => {
    const cached = linesOf(await virsh('vol-list', 'vmwright-images'))
    requireCode(await vmwright('destroy', '--disks', '--yes'))
    expect(await ours(['list', '--all', '--name'])).toEqual([])
    expect(linesOf(await virsh('pool-list', '--all', '--name'))).not.toContain(pool)
    const kept = linesOf(await virsh('vol-list', 'vmwright-images'))
    expect(cached.filter((line) => !kept.includes(line))).toEqual([])
    expect(await strangersCensus()).toEqual(before)
    const again = await vmwright('destroy', '--disks', '--yes', '--json')
    expect(again.code).toBe(0)
    expect(jsonRun(again).result.outcome).toBe('unchanged')
  })
})

/** Runs a command on a pseudo-terminal and types each answer when its question is there. */
async function onTerminal(
  command: string,
  dialogue: readonly (readonly [seen: string, typed: string])[],
): Promise<string> {
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: space.folder,
    env: { ...process.env, ...space.env, ...env, TERM: 'xterm' },
  })
  let output = ''
  let next = 0
  const limit = setTimeout(() => child.kill(), 180_000)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    const [seen, typed] = dialogue[next] ?? []
    if (seen === undefined || typed === undefined || !output.includes(seen)) return
    next++
    child.stdin.write(typed)
  })
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(limit)
  return output
}
