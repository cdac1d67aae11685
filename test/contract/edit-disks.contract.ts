import { execFileSync, spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { generateHostKeys } from '../../packages/vmwright/src/cloudinit/host-keys.ts'
import type { DiskEdit } from '../../packages/vmwright/src/hypervisor/disks.ts'
import { identityChanges } from '../../packages/vmwright/src/identity/changes.ts'
import { instanceSpec } from '../../packages/vmwright/src/testing/specs.ts'
import { openTestHost, uri } from './libvirt-driver-host.ts'

/** `scripts/setup.sh test` installs both; a libvirt of the tests' own may have other disks than this machine. */
const hasGuestfish =
  spawnSync('guestfish', ['--version']).status === 0 && globSync('/boot/vmlinu*').length > 0
const isLocal = uri === 'qemu:///system'

const hostKeys = generateHostKeys('web-1')
const machineId = '0123456789abcdef0123456789abcdef'
const myKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIME me'
const theirKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITHEM template'
const usual = instanceSpec('web-1')
const nic = {
  ...usual.interfaces[0],
  dhcp4: false,
  addresses: ['192.168.24.121/24'],
  gateway4: '192.168.24.1',
  dns: ['192.168.24.1'],
}
const changes = identityChanges({
  instance: {
    name: 'web-1',
    interfaces: [nic],
    cloudInit: { ...usual.cloudInit, disableRoot: false },
  },
  guestNetwork: { network: 'netplan', interfaces: ['enp1s0'], renderer: 'networkd' },
  hostKeys,
  authorizedKeys: [myKey],
  machineId,
})

/** libguestfs by its own client, as a witness and to make the disks. */
const guestfish = (script: string, ...disks: readonly string[]): string =>
  execFileSync(
    'guestfish',
    disks.flatMap((path) => ['--format=raw', '-a', path]),
    {
      input: script,
      encoding: 'utf8',
      env: { ...process.env, LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' },
    },
  )

describe('a clone without cloud-init', () => {
  beforeEach(({ skip }) => {
    skip(!hasGuestfish, 'guestfish or a kernel for it is missing: scripts/setup.sh test installs both')
    skip(!isLocal, 'the libvirt under test does not have the disks of this machine')
  })

  it('T5: gets its identity on several disks with LVM and btrfs, twice the same', async () => {
    await using test = await openTestHost('edit')
    const { host, progress, folder, prefix } = test
    const disks = ['root', 'var', 'home'].map((name) => join(folder, `${name}.raw`))
    for (const path of disks) execFileSync('truncate', ['-s', '128M', path])
    guestfish(template, ...disks)
    const pool = `${prefix}pool`
    await host.ensurePool(progress, { name: pool, path: folder })
    const edit: DiskEdit = {
      vm: `${prefix}web-1`,
      disks: [
        { volume: { pool, name: 'root.raw' }, format: 'raw' },
        { volume: { pool, name: 'var.raw' }, format: 'raw' },
        { volume: { pool, name: 'home.raw' }, format: 'raw' },
      ],
      acceleration: 'emulation',
      changes: [
        ...changes,
        ...changes,
        { kind: 'link', path: '/etc/localtime', target: '/usr/share/zoneinfo/UTC' },
      ],
    }
    expect(await host.whyNoEdit(progress)).toBeUndefined()
    await host.editDisks(progress, edit)
    const seen = guestfish(witness, ...disks).split('\n')
    const after = (title: string): readonly string[] => {
      const start = seen.indexOf(`== ${title}`)
      const end = seen.findIndex((line, index) => index > start && line.startsWith('== '))
      return seen.slice(start + 1, end).filter((line) => line !== '')
    }
    expect(after('hostname')).toEqual(['web-1'])
    expect(after('machine-id')).toEqual([machineId])
    expect(after('hosts')).toContain('127.0.1.1 web-1')
    expect(after('ssh')).toEqual(
      ['ecdsa', 'ed25519'].flatMap((type) => [`ssh_host_${type}_key`, `ssh_host_${type}_key.pub`]),
    )
    const key = hostKeys.find(({ type }) => type === 'ed25519')
    expect(`${after('key').join('\n')}\n`).toBe(key?.privateKey.reveal())
    expect(after('key mode')).toEqual(['100600'])
    expect(after('netplan')).toEqual(['99-vmwright.yaml'])
    expect(after('yaml').join('\n')).toContain('- 192.168.24.121/24')
    expect(after('links')).toEqual(['../run/systemd/resolve/stub-resolv.conf', '/usr/share/zoneinfo/UTC'])
    expect(after('user keys')).toEqual([myKey])
    expect(after('user files')).toEqual(['uid: 1000', 'gid: 1000', 'uid: 1000', 'gid: 1000'])
    expect(after('ssh folder mode')).toEqual(['40700'])
    expect(after('root keys')).toEqual([theirKey, myKey])
    expect(after('leases')).toEqual([])
    expect(after('below the mounts')).toEqual([])
    expect(after('cloud-init')).toEqual(['true'])
  }, 600_000)
})

/** A root in LVM, `/var` by its label, `/home` on a subvolume of btrfs, and files that a used template has. */
const template = `
run
part-disk /dev/sda gpt
pvcreate /dev/sda1
vgcreate my-vg /dev/sda1
lvcreate root my-vg 64
mkfs ext4 /dev/my-vg/root
mkfs ext4 /dev/sdb label:var
mkfs btrfs /dev/sdc
mount /dev/sdc /
btrfs-subvolume-create /@home
umount-all
mount /dev/my-vg/root /
mkdir-p /etc/ssh
mkdir-p /etc/netplan
mkdir /etc/cloud
mkdir /home
mkdir /var
mkdir-p /root/.ssh
write /root/.ssh/authorized_keys "${theirKey}"
write /etc/passwd "root:x:0:0::/root:/bin/sh\\ndebian:x:1000:1000::/home/debian:/bin/sh\\n"
write /etc/fstab "# a comment\\n/dev/mapper/my--vg-root / ext4 defaults 0 1\\nLABEL=var /var ext4 defaults 0 2\\n/dev/vdc /home btrfs subvol=@home 0 0\\n"
write /etc/hostname "template\\n"
write /etc/machine-id "ffffffffffffffffffffffffffffffff\\n"
write /etc/ssh/ssh_host_rsa_key "old"
write /etc/ssh/ssh_host_ed25519_key "old"
write /etc/netplan/50-cloud-init.yaml "old"
ln-s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
mount /dev/sdb /var
mount btrfsvol:/dev/sdc/@home /home
mkdir /home/debian
chown 1000 1000 /home/debian
mkdir-p /var/lib/dhcp
mkdir-p /var/lib/dbus
write /var/lib/dhcp/dhclient.enp1s0.leases "old"
write /var/lib/dbus/machine-id "ffffffffffffffffffffffffffffffff\\n"
`

const witness = `
run
mount /dev/my-vg/root /
echo "== below the mounts"
find /var/
find /home/
mount /dev/sdb /var
mount btrfsvol:/dev/sdc/@home /home
echo "== hostname"
cat /etc/hostname
echo "== machine-id"
cat /etc/machine-id
echo "== hosts"
cat /etc/hosts
echo "== ssh"
ls /etc/ssh
echo "== key"
cat /etc/ssh/ssh_host_ed25519_key
echo "== key mode"
stat /etc/ssh/ssh_host_ed25519_key | awk '/^mode/ { printf "%o\\n", $2 }'
echo "== netplan"
ls /etc/netplan
echo "== yaml"
cat /etc/netplan/99-vmwright.yaml
echo "== links"
readlink /etc/resolv.conf
readlink /etc/localtime
echo "== user keys"
cat /home/debian/.ssh/authorized_keys
echo "== user files"
stat /home/debian/.ssh | grep -E '^[ug]id'
stat /home/debian/.ssh/authorized_keys | grep -E '^[ug]id'
echo "== ssh folder mode"
stat /home/debian/.ssh | awk '/^mode/ { printf "%o\\n", $2 }'
echo "== root keys"
cat /root/.ssh/authorized_keys
echo "== leases"
glob-expand /var/lib/dhcp/*
glob-expand /var/lib/dbus/machine-id
echo "== cloud-init"
is-file /etc/cloud/cloud-init.disabled
echo "== end"
`
