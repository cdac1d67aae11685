import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openLibvirt } from '@vmwright/libvirt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DiskEdit } from '../../packages/vmwright/src/hypervisor/disks.ts'
import { editDisks } from '../../packages/vmwright/src/hypervisor/libvirt/edit-disks.ts'
import { guestfishScript } from '../../packages/vmwright/src/hypervisor/libvirt/guestfish/conversation.ts'
import { whyNoEdit } from '../../packages/vmwright/src/hypervisor/libvirt/guestfish/why-no-edit.ts'
import { type HostShell, hostShell } from '../../packages/vmwright/src/hypervisor/libvirt/host-shell.ts'
import { Session } from '../../packages/vmwright/src/hypervisor/libvirt/session.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam } from '../../packages/vmwright/src/lib/seam.ts'
import { Secret } from '../../packages/vmwright/src/lib/secret.ts'
import { hostSpec, openTestHost, type TestHost, uri, virsh } from './libvirt-driver-host.ts'

/** How disks are refused, with a program in guestfish's place that answers at once. */
let test: TestHost
let session: Session
let tools: string
let pool: string
beforeAll(async () => {
  test = await openTestHost('refusals')
  session = new Session('test', await openLibvirt(uri))
  tools = join(test.folder, 'tools')
  pool = `${test.prefix}pool`
  await mkdir(tools)
  await test.host.ensurePool(test.progress, { name: pool, path: join(test.folder, 'pool') })
  await writeFile(join(test.folder, 'pool', 'root.qcow2'), '')
})
afterAll(async () => {
  await session.libvirt.close()
  await test[Symbol.asyncDispose]()
})

/** A shell whose programs are found in `path` first. */
function shellWith(path: string): HostShell {
  const real = hostShell(hostSpec())
  const inPath = (script: string): string => `PATH=${path}\nexport PATH\n${script}`
  return {
    ...real,
    commandLine: (command) => real.commandLine({ ...command, script: inPath(command.script) }),
    run: (progress, command) => real.run(progress, { ...command, script: inPath(command.script) }),
  }
}

/** A guestfish that writes down what it is told, and answers by the rules of a `case`. */
async function standIn(answers: string): Promise<HostShell> {
  const script = `#!/bin/sh
echo "$$ $*" >${tools}/started
while read -r line; do
  echo "$line" >>${tools}/heard
  case $line in
  'echo '*) echo "\${line#echo }" ;;
  ${answers}
  esac
done
echo ended >>${tools}/heard
`
  await writeFile(join(tools, 'heard'), '')
  await writeFile(join(tools, 'guestfish'), script)
  await chmod(join(tools, 'guestfish'), 0o755)
  return shellWith(`${tools}:/usr/sbin:/usr/bin:/sbin:/bin`)
}

const editOf = (changes: DiskEdit['changes'] = []): DiskEdit => ({
  vm: `${test.prefix}web-1`,
  disks: [{ volume: { pool, name: 'root.qcow2' }, format: 'qcow2' }],
  acceleration: 'emulation',
  changes,
})
const heard = (): Promise<string> => readFile(join(tools, 'heard'), 'utf8')

const system = `
  list-partitions) echo /dev/sda1; echo /dev/sda2 ;;
  list-devices) echo /dev/sda ;;
  '-blkid "/dev/sda1"') echo 'TYPE: ext4' ;;
  '-blkid "/dev/sda2"') echo 'TYPE: crypto_LUKS' ;;
  '-is-file "/etc/passwd"') echo true ;;
  '-cat "/etc/fstab"') echo '/dev/vda1 / ext4 defaults 0 1'; echo '/dev/mapper/home /home ext4 defaults 0 2' ;;
  is-*) echo true ;;`

it('T5: says that the disks are encrypted when no system is found', async () => {
  const shell = await standIn(system.replace('echo true', 'echo false'))
  await expect(editDisks({ session, shell }, test.progress, editOf())).rejects.toMatchObject({
    code: 'disk.no-system',
    message: expect.stringContaining('/dev/sda2 is encrypted'),
  })
})

it('T5: refuses to write below a mount point whose disk it has not got', async () => {
  const shell = await standIn(system)
  const change = { kind: 'write', path: '/home/me/x', content: '', mode: 0o600 } as const
  await expect(editDisks({ session, shell }, test.progress, editOf([change]))).rejects.toMatchObject({
    code: 'disk.edit-failed',
    message: expect.stringContaining('its /home is on /dev/mapper/home'),
  })
  expect(await heard()).not.toContain('write')
})

it('T5: does not need a disk on which nothing is written', async () => {
  const shell = await standIn(system)
  const change = { kind: 'write', path: '/etc/hostname', content: 'a', mode: 0o644 } as const
  await editDisks({ session, shell }, test.progress, editOf([change]))
  expect(await heard()).toContain('shutdown')
})

it('T5: tells the last words of libguestfs, and nothing that was to be written', async () => {
  const shell = await standIn(
    `${system}\n  write-append*) echo 'libguestfs: error: disk full' >&2; exit 1 ;;`,
  )
  const change = { kind: 'write', path: '/etc/key', content: new Secret('HIDDEN'), mode: 0o600 } as const
  const error = await editDisks({ session, shell }, test.progress, editOf([change])).catch(
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({
    code: 'disk.edit-failed',
    message: expect.stringContaining('libguestfs: error: disk full'),
  })
  expect(await heard()).toContain('HIDDEN')
  expect(JSON.stringify(error) + String(error)).not.toContain('HIDDEN')
  expect(await readFile(join(tools, 'started'), 'utf8')).toMatch(/^\d+ \n$/)
})

it('T5: names the package when there is no guestfish, before and instead of the work', async () => {
  const shell = shellWith('/nonexistent')
  expect(await whyNoEdit(shell, test.progress)).toContain('libguestfs-tools')
  await expect(editDisks({ session, shell }, test.progress, editOf())).rejects.toMatchObject({
    code: 'host.tool-missing',
    message: expect.stringContaining('libguestfs-tools'),
  })
})

it('T5: ends guestfish when it is cancelled', async () => {
  const shell = await standIn('list-*) exec sleep 60 ;;')
  const controller = new AbortController()
  const progress = new Progress(realSeam(), { signal: controller.signal })
  const edit = editDisks({ session, shell }, progress, editOf())
  await expect.poll(heard, { timeout: 20_000 }).toContain('list-')
  controller.abort(new Error('cancelled'))
  await expect(edit).rejects.toThrow('cancelled')
  const [pid] = (await readFile(join(tools, 'started'), 'utf8')).split(' ')
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
})

it('K7: ends guestfish when nobody is there any more, also in the middle of a long command', async () => {
  const shell = await standIn('list-*) exec sleep 600 ;;')
  const words = { script: guestfishScript, arguments: ['', '/dev/null', '1'], privileged: true }
  const [program, ...rest] = shell.commandLine(words)
  const child = spawn(program, rest, { stdio: ['pipe', 'ignore', 'ignore'] })
  const ended = once(child, 'close')
  child.stdin.write('list-partitions\n')
  await expect.poll(heard, { timeout: 20_000 }).toContain('list-')
  child.stdin.end()
  expect(await ended).toEqual([null, 'SIGTERM'])
})

it('T5: waits for what an interrupted run left on the disk', async () => {
  const shell = await standIn(system)
  const lingering = `echo left >>${tools}/heard; sleep 1; echo gone >>${tools}/heard`
  spawn('flock', [join(test.folder, 'pool', 'root.qcow2'), 'sh', '-c', lingering], { stdio: 'ignore' })
  await expect.poll(heard, { timeout: 20_000 }).toContain('left')
  await editDisks({ session, shell }, test.progress, editOf())
  expect(await heard()).toMatch(/^left\ngone\nadd-drive /)
})

it('T5: never touches the disks of a machine that runs', async () => {
  const shell = await standIn(system)
  const { vm } = editOf()
  const xml = `<domain type='qemu'><name>${vm}</name><memory unit='MiB'>32</memory>
    <os><type arch='x86_64'>hvm</type></os></domain>`
  await writeFile(join(test.folder, 'vm.xml'), xml)
  await virsh('create', join(test.folder, 'vm.xml'), '--paused')
  try {
    await expect(editDisks({ session, shell }, test.progress, editOf())).rejects.toMatchObject({
      code: 'host.operation-failed',
      message: expect.stringContaining('it is running'),
    })
    expect(await heard()).toBe('')
  } finally {
    await virsh('destroy', vm)
  }
})
