import { describe, expect, it } from 'vitest'
import type { AccessNeed, AccessReport } from '../../host-files.ts'
import { parseFacts } from './facts.ts'
import { accessReport } from './report.ts'

interface HostPlace {
  readonly path: string
  /** `st_mode` in hexadecimal: 41c0 is a folder with 0700, 8180 a file with 0600. */
  readonly mode: string
  readonly owner?: string
  readonly acl?: readonly string[]
  readonly can?: string
  readonly label?: string
}

const folder = (path: string, can?: string, more: Partial<HostPlace> = {}): HostPlace => ({
  path,
  mode: can === '---' ? '41c0' : '41ed',
  ...(can === undefined ? {} : { can }),
  ...more,
})

/** What `factsScript` prints on a Debian host, with these places one below the other. */
function output(places: readonly HostPlace[], more: readonly string[] = [], state = 'there'): string {
  const tested = places.filter(({ can }) => can !== undefined)
  const labels = places.filter(({ label }) => label !== undefined)
  const hex = Buffer.from(places.map(({ path }) => `${path}\0`).join('')).toString('hex')
  return [
    'user libvirt-qemu 64055 64055,107',
    'runner 0',
    'tool setfacl',
    'tool getfacl',
    'conf dynamic_ownership ',
    'conf clear_emulator_capabilities ',
    'mount 27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
    'mount 22 27 0:21 / /proc rw,relatime - proc proc rw',
    ...more,
    `walk ${state} ${places.map((_, index) => index).join(',')}`,
    `paths ${hex}`,
    ...places.map(({ mode, owner = '0 0' }) => `stat ${mode} ${owner}`),
    ...places.flatMap(({ acl }) => (acl === undefined ? [] : [...acl.map((line) => `acl ${line}`), 'acl '])),
    ...tested.map(({ can }) => `can ${can}`),
    ...labels.map(({ label }) => `label ${label}`),
    '',
  ].join('\n')
}

function reportOf(text: string, need: AccessNeed = 'search', path = '/data/vms'): AccessReport {
  const facts = parseFacts(text)
  if (facts.identity === undefined) throw new Error('no user')
  return accessReport(facts, facts.identity, { user: undefined, needs: [{ path, need }] })
}
const repairs = (report: AccessReport): readonly string[] =>
  report.blocked.flatMap((block) => block.repairs.map(({ path, permissions }) => `${permissions} ${path}`))
const noRepair = (report: AccessReport): string | undefined => report.blocked[0]?.noRepair

describe('accessReport', () => {
  it('T9: has nothing to say where the user gets through', () => {
    const report = reportOf(output([folder('/', 'r-x'), folder('/data', 'r-x'), folder('/data/vms', 'r-x')]))
    expect(report).toEqual({ user: 'libvirt-qemu', by: 'test', missing: [], blocked: [], confined: [] })
  })

  it('T9: names the first that blocks, and repairs for all that would, of which nobody could be tried', () => {
    const places = [
      folder('/', 'r-x'),
      folder('/data', '---'),
      folder('/data/open', '---', { mode: '41ed' }),
      folder('/data/open/vms', '---'),
    ]
    const report = reportOf(output(places), 'search', '/data/open/vms')
    expect(report.blocked[0]?.at).toBe('/data')
    expect(repairs(report)).toEqual(['--x /data', '--x /data/open/vms'])
  })

  it.each([
    ['search', '41c0', ['--x /data']],
    ['read', '41c0', ['r-x /data']],
    ['write', '41c0', ['rwx /data']],
    // For others r--: an entry of its own takes that away, so it has to have it.
    ['search', '41c4', ['r-x /data']],
  ] as const)(
    'T9: gives a folder no more than %s needs, and keeps what there was (%s)',
    (need, mode, want) => {
      const can = mode === '41c4' ? 'r--' : '---'
      expect(
        repairs(reportOf(output([folder('/', 'r-x'), folder('/data', can, { mode })]), need, '/data')),
      ).toEqual(want)
    },
  )

  const file = (mode: string, can: string): readonly HostPlace[] => [
    folder('/', 'r-x'),
    { path: '/base.qcow2', mode, can },
  ]
  it.each([
    ['a file that libvirt gives to the user', '8180', 'write', [], []],
    ['a file that its owner cannot write either', '8100', 'write', [], ['rw- /base.qcow2']],
    ['a file without dynamic ownership', '8180', 'read', ['conf dynamic_ownership 0'], ['r-- /base.qcow2']],
    [
      'a file on NFS',
      '8180',
      'read',
      ['mount 40 27 0:50 / / rw - nfs srv:/x rw,vers=3'],
      ['r-- /base.qcow2'],
    ],
    ['an immutable file that all may read', '81a4', 'read', ['immutable 1'], []],
  ] as const)('T9: knows about %s', (_, mode, need, more, want) => {
    const can = mode === '81a4' ? 'r--' : '---'
    const text = output(
      file(mode, can),
      more.filter((line) => !line.startsWith('conf')),
    )
    const conf = more.find((line) => line.startsWith('conf'))
    const adapted = conf === undefined ? text : text.replace('conf dynamic_ownership ', conf)
    expect(repairs(reportOf(adapted, need, '/base.qcow2'))).toEqual(want)
  })

  it.each([
    ['a read-only mount', ['mount 40 27 0:50 / /data ro,relatime - ext4 /dev/sdb rw'], 'mounted read-only'],
    ['FAT', ['mount 40 27 0:50 / /data rw - vfat /dev/sdb rw,fmask=0077'], 'vfat, which has no ACLs'],
    ['NFS 4', ['mount 40 27 0:50 / /data rw - nfs4 srv:/x rw,vers=4.2'], 'nfs4, which has no ACLs'],
    ['noacl', ['mount 40 27 0:50 / /data rw - ext3 /dev/sdb rw,noacl'], 'mounted with noacl'],
    ['an immutable folder', ['immutable 1'], 'chattr +i'],
  ])('T9: says that an ACL cannot help on %s', (_, more, want) => {
    const report = reportOf(output([folder('/', 'r-x'), folder('/data', '---')], more), 'search', '/data')
    expect(repairs(report)).toEqual([])
    expect(noRepair(report)).toContain(want)
  })

  it('T9: says that setfacl is missing, and in which package it is', () => {
    const text = output([folder('/', 'r-x'), folder('/data', '---')]).replace('tool setfacl\n', '')
    expect(noRepair(reportOf(text, 'search', '/data'))).toContain('its package is acl')
  })

  it('T9: says that a folder of somebody else cannot be changed without root', () => {
    const places = [folder('/'), folder('/data', undefined, { mode: '41c0', owner: '1001 1001' })]
    const text = output(places).replace('runner 0', 'runner 1000')
    const report = reportOf(text, 'search', '/data')
    expect(report.by).toBe('computation')
    expect(noRepair(report)).toContain('belongs to somebody else')
    const own = reportOf(text.replace('runner 1000', 'runner 1001'), 'search', '/data')
    expect(repairs(own)).toEqual(['--x /data'])
  })

  it('T9: tells when the kernel refuses what modes and ACLs allow', () => {
    const places = [folder('/', 'r-x'), folder('/data', '---', { mode: '41ff' })]
    expect(noRepair(reportOf(output(places), 'search', '/data'))).toContain(
      'let libvirt-qemu through, and yet',
    )
  })

  it('T9: reads ACLs in the order of the paths', () => {
    const minimal = ['user::rwx', 'group::r-x', 'other::r-x']
    const mine = ['user::rwx', 'user:64055:--x', 'group::---', 'mask::--x', 'other::---']
    const places = [
      folder('/', undefined, { acl: minimal }),
      folder('/a', undefined, { mode: '41c0', acl: mine }),
    ]
    expect(reportOf(output(places), 'search', '/a').blocked).toEqual([])
  })

  it('T9: tells paths that are not there, and does not take them for blocked', () => {
    const report = reportOf(output([folder('/', 'r-x'), folder('/data', 'r-x')], [], 'missing'))
    expect([report.missing, report.blocked]).toEqual([['/data/vms'], []])
  })

  it('T9: refuses to guess from half an output', () => {
    expect(() => parseFacts('')).toThrow('name no user')
    const cut = output([folder('/'), folder('/data')]).replace(/stat .*\n/, '')
    expect(() => parseFacts(cut)).toThrow('changed while')
  })
})

describe('AppArmor', () => {
  const ubuntu = ['apparmor on', 'profile libvirtd (enforce)']
  const confined = (path: string, need: AccessNeed, more: readonly string[] = ubuntu) => {
    const place = need === 'search' ? folder(path, 'r-x') : { path, mode: '81a4', can: 'rw-' }
    return reportOf(output([folder('/', 'r-x'), place], more), need, path).confined
  }

  it.each([
    ['/etc/vms', 'search', '/etc/'],
    ['/usr/share/vms', 'search', '/usr/share/'],
    ['/usr/share/images/base.img', 'read', '/usr/share/'],
    ['/library', 'search', '/lib'],
    ['/boot/vms', 'search', '/boot/'],
    ['/usr/share/OVMF/OVMF_CODE.fd', 'write', '/usr/share/'],
  ] as const)('T9: predicts that guests are refused %s (to %s)', (path, need, place) => {
    const [found] = confined(path, need)
    expect(found).toMatchObject({ path, by: 'apparmor' })
    expect(found?.message).toContain(`under ${place}`)
    expect(found?.hint).toContain('/etc/apparmor.d/local/abstractions/libvirt-qemu')
  })

  it.each([
    ['/var/lib/libvirt/images', 'search'],
    ['/srv/vms', 'search'],
    ['/home/ubuntu/vms', 'search'],
    ['/etcetera', 'search'],
    ['/usr/share/OVMF/OVMF_CODE.fd', 'read'],
    ['/boot/vmlinuz', 'read'],
  ] as const)('T9: expects no refusal for %s (to %s)', (path, need) => {
    expect(confined(path, need)).toEqual([])
  })

  it('T9: knows of hidden folders in homes, whose overlays libvirt cannot look into', () => {
    expect(confined('/home/ubuntu/.local/share/vms', 'search')[0]?.message).toContain('hidden folders')
    expect(confined('/root/.cache', 'search')[0]?.message).toContain('hidden folders')
  })

  it('T9: knows of names that have no place in a profile', () => {
    expect(confined('/srv/a"b', 'search')[0]?.hint).toBe('Rename it.')
  })

  it.each([
    ['the kernel has it not', []],
    ['the daemon is not confined', ['apparmor on', 'profile libvirtd (complain)']],
    ['qemu.conf chooses another driver', [...ubuntu, 'conf security_driver "none"']],
    ['the administrator allows it', [...ubuntu, 'rule /etc/vms/** rwk,']],
    ['the administrator allows it in quotes', [...ubuntu, 'rule "/etc/vms/**" rwk, # ours']],
  ])('T9: expects no refusal where %s', (_, more) => {
    expect(confined('/etc/vms', 'search', more)).toEqual([])
  })

  it.each(['rule /etc/vms/** r,', 'rule /etc/other/** rwk,', 'rule deny /etc/vms/** rwk,'])(
    'T9: is not satisfied with %j',
    (rule) => {
      expect(confined('/etc/vms', 'search', [...ubuntu, rule])).toHaveLength(1)
    },
  )
})

describe('SELinux', () => {
  const fedora = (on = '0') => [
    'selinux 1',
    `boolean virt_use_nfs ${on}`,
    `boolean virt_use_samba ${on}`,
    `boolean virt_use_fusefs ${on}`,
  ]
  const confined = (type: string, more: readonly string[] = fedora()) => {
    const label = (name: string) => ({ label: `system_u:object_r:${name}:s0` })
    const places = [folder('/', 'r-x', label('root_t')), folder('/data', 'r-x', label(type))]
    return reportOf(output(places, more), 'search', '/data').confined
  }
  const mount = (type: string): string => `mount 40 27 0:50 / /data rw - ${type} srv:/x rw`

  it.each(['default_t', 'unlabeled_t', 'user_home_t', 'admin_home_t'])(
    'T9: predicts that guests are refused what is in a folder labelled %s',
    (type) => {
      const [found] = confined(type)
      expect(found?.message).toContain(`/data has the label ${type}`)
      expect(found?.hint).toContain(
        "semanage fcontext -a -t virt_image_t '/data(/.*)?' && restorecon -R '/data'",
      )
    },
  )

  it.each(['virt_image_t', 'var_lib_t', 'mnt_t'])('T9: expects no refusal for %s', (type) => {
    expect(confined(type)).toEqual([])
  })

  it.each([
    ['nfs', 'virt_use_nfs'],
    ['nfs4', 'virt_use_nfs'],
    ['cifs', 'virt_use_samba'],
    ['fuse.sshfs', 'virt_use_fusefs'],
  ])('T9: wants the boolean for %s', (type, boolean) => {
    const [found] = confined('nfs_t', [...fedora(), mount(type)])
    expect(found).toMatchObject({ by: 'selinux', hint: `Allow it on the host: setsebool -P ${boolean} on` })
    expect(confined('nfs_t', [...fedora('1'), mount(type)])).toEqual([])
  })

  it('T9: expects no refusal where it is permissive, absent, or not what libvirt uses', () => {
    expect(confined('default_t', ['selinux 0'])).toEqual([])
    expect(confined('default_t', [])).toEqual([])
    expect(confined('default_t', [...fedora(), 'conf security_driver [ "none" ]'])).toEqual([])
  })
})
