import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, test, vi } from 'vitest'
import { calls, openLibvirt } from '../index.ts'
import { FakeDaemon } from '../testing/index.ts'
import { sshArguments, type SshOptions } from './ssh.ts'
import { credentialPlaces } from './tls.ts'
import { socketPaths } from './unix.ts'
import { parseUri } from './uri.ts'

describe('UNIX sockets', () => {
  it('of the modular daemon are tried first, then the monolithic one’s', () => {
    expect(socketPaths({ driver: 'qemu', path: '/system', readonly: false })).toEqual([
      '/var/run/libvirt/virtqemud-sock',
      '/var/run/libvirt/libvirt-sock',
    ])
    expect(socketPaths({ driver: 'test', path: '/default', readonly: false })).toEqual([
      '/var/run/libvirt/libvirt-sock',
    ])
    expect(socketPaths({ driver: 'qemu', path: '/system', readonly: true })[0]).toMatch(/-sock-ro$/)
  })

  it('of a session are in the runtime folder, else in the cache folder', () => {
    vi.stubEnv('XDG_RUNTIME_DIR', '/run/user/1000')
    expect(socketPaths({ driver: 'qemu', path: '/session', readonly: true })[0]).toBe(
      '/run/user/1000/libvirt/virtqemud-sock',
    )
    vi.stubEnv('XDG_RUNTIME_DIR', '')
    vi.stubEnv('XDG_CACHE_HOME', '/home/u/.cache')
    expect(socketPaths({ driver: 'qemu', path: '/session', readonly: false })[1]).toBe(
      '/home/u/.cache/libvirt/libvirt-sock',
    )
    vi.unstubAllEnvs()
  })

  it('carry calls', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'libvirt-rpc-'))
    const socketPath = join(folder, 's')
    await using daemon = await new FakeDaemon()
      .handle(calls.connectGetHostname, () => ({ hostname: 'h' }))
      .listen(socketPath)
    const libvirt = await openLibvirt('qemu:///system', { socketPath })
    expect(await libvirt.call(calls.connectGetHostname, {})).toEqual({ hostname: 'h' })
    expect(daemon.connections).toBe(1)
    await libvirt.close()
    await rm(folder, { recursive: true })
  })

  it('that nobody listens on are told by name', async () => {
    const absent = join(tmpdir(), 'libvirt-rpc-absent.sock')
    await expect(openLibvirt('qemu:///system', { socketPath: absent })).rejects.toMatchObject({
      kind: 'connection',
      message: `No libvirt daemon: ${absent} does not exist`,
    })
  })
})

describe('ssh', () => {
  it('asks nothing, accepts no unknown host, and gets the host after the options', () => {
    const args = sshArguments(optionsOf('qemu+ssh://root@kvm1:2222/system?keyfile=/k/id'), '/run/user/0/c-%C')
    expect(args.slice(0, args.indexOf('--')).join(' ')).toBe(
      '-T -a -x -e none -o BatchMode=yes -o StrictHostKeyChecking=yes -o ClearAllForwardings=yes ' +
        '-o ControlMaster=auto -o ControlPath=/run/user/0/c-%C -o ControlPersist=60 -i /k/id -l root -p 2222',
    )
    expect(args.at(-2)).toBe('kvm1')
  })

  test.each([
    ['qemu+ssh://h/system', ['virt-ssh-helper', 'nc -U', '/var/run/libvirt/virtqemud-sock'], []],
    ['qemu+ssh://h/system?proxy=native', ['virt-ssh-helper'], ['nc -U']],
    ['qemu+ssh://h/system?proxy=netcat', ['nc -U'], ['virt-ssh-helper']],
    ['qemu+ssh://h/system?socket=/run/x', ['nc -U', '/run/x'], ['virt-ssh-helper', 'virtqemud-sock']],
    ['qemu+ssh://h/session', ['virt-ssh-helper'], ['nc -U']],
  ])('%s runs there what the URI asks for', (uri, present, absent) => {
    const command = sshArguments(optionsOf(uri), undefined).at(-1)
    for (const text of present) expect(command).toContain(text)
    for (const text of absent) expect(command).not.toContain(text)
  })
})

describe('TLS', () => {
  test.each([
    ['/pki', false, ['/pki/clientkey.pem']],
    [undefined, true, ['/etc/pki/libvirt/private/clientkey.pem']],
    [undefined, false, ['/home/u/.pki/libvirt/clientkey.pem', '/etc/pki/libvirt/private/clientkey.pem']],
  ])('looks for its key in %s (root: %s)', (pkiPath, isRoot, key) => {
    expect(credentialPlaces(pkiPath, { home: '/home/u', isRoot }).key).toEqual(key)
  })
})

function optionsOf(uri: string): SshOptions {
  const { route, name, driver } = parseUri(uri)
  if (route.kind !== 'ssh') throw new Error(`${uri} is not an ssh URI`)
  return { route, name, driver, path: name.slice(`${driver}://`.length), readonly: false }
}
