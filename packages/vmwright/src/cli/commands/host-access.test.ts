import { describe, expect, it } from 'vitest'
import type { HostAccess } from '../../engine/host-access.ts'
import { renderAccess, renderRepairs } from './host-access.ts'

const user = 'libvirt-qemu'
const at = '/home/user'
const repairs = [{ path: at, user, permissions: '--x' }]

describe('host access', () => {
  it('T9: shows each path, who may or may not, and what to do', () => {
    const access: HostAccess = {
      host: 'rack1',
      needs: [
        { path: '/srv/vms', need: 'search' },
        { path: '/home/user/gold.img', need: 'read' },
        { path: '/srv/new', need: 'search' },
        { path: '/etc/vms', need: 'search' },
      ],
      report: {
        user,
        by: 'computation',
        missing: ['/srv/new'],
        blocked: [{ path: '/home/user/gold.img', need: 'read', at, repairs, noRepair: undefined }],
        confined: [{ path: '/etc/vms', by: 'apparmor', message: 'Refused.', hint: 'Move it.' }],
      },
      findings: [
        {
          severity: 'error',
          code: 'host.access-denied',
          object: 'host rack1',
          message: 'It cannot.',
          hint: 'Do this.',
        },
      ],
    }
    expect(renderAccess([access])).toBe(
      `HOST   USER          TO      MAY                PATH
rack1  libvirt-qemu  search  yes                /srv/vms
rack1  libvirt-qemu  read    NO, at /home/user  /home/user/gold.img
rack1  libvirt-qemu  search  not there          /srv/new
rack1  libvirt-qemu  search  REFUSED            /etc/vms

Computed from modes and ACLs on rack1: nobody may act as another user there.
error: host rack1: It cannot.
  Do this.
`,
    )
  })

  it('T9: shows the commands of a repair, and tells plainly what opening a home means', () => {
    const text = renderRepairs('It would be set', [
      { host: 'rack1', repairs },
      { host: 'rack2', repairs: [] },
    ])
    expect(text).toBe(`It would be set on rack1:
  setfacl -m u:libvirt-qemu:--x /home/user
  /home/user is a home: libvirt-qemu could then pass through, and open files below that everybody may read, if it knows their names; not list what is there.
`)
  })
})
