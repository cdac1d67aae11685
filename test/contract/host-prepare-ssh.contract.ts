import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  openTestHost,
  type TestHost,
  whyNoTestHost,
} from '../../packages/vmwright/src/hypervisor/libvirt/system/items/testing.ts'

let host: TestHost
beforeEach(async ({ skip }) => {
  const why =
    whyNoTestHost() ?? (existsSync('/usr/sbin/sshd') ? undefined : 'sshd is missing: install openssh-server')
  skip(why !== undefined, why)
  host = await openTestHost('shared')
})
afterEach(() => host?.[Symbol.asyncDispose]())

const root = join(import.meta.dirname, '../..')

/** A login with sudo and one without, an sshd, and the program, in a network of their own. */
const script = `
exec 2>&1
folder=$1 node=$2 program=$3
for user in vmw-e-sudo vmw-e-plain; do useradd -m -p "*" "$user"; done
echo 'vmw-e-sudo ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/vmw-e-sudo
chmod 440 /etc/sudoers.d/vmw-e-sudo
for key in host user; do ssh-keygen -q -t ed25519 -N '' -f "$folder/$key"; done
printf '%s\\n' 'Port 2222' 'ListenAddress 127.0.0.1' "HostKey $folder/host" "AuthorizedKeysFile $folder/user.pub" \\
  "PidFile $folder/pid" 'StrictModes no' 'UsePAM no' >"$folder/sshd_config"
chmod 644 "$folder"/*.pub
echo "[127.0.0.1]:2222 $(cut -d ' ' -f 1,2 "$folder/host.pub")" >"$folder/known_hosts"
mkdir -p /run/sshd
ip link set lo up
/usr/sbin/sshd -f "$folder/sshd_config"
until ssh-keyscan -p 2222 127.0.0.1 2>/dev/null | grep -q ssh; do sleep 0.1; done
cd "$folder"
echo 0 >/proc/sys/net/ipv4/ip_forward
vmwright() {
  echo "== $*"
  name=$1; shift
  "$node" --conditions=source "$program" host "$@" \\
    --host-uri "qemu+ssh://$name@127.0.0.1:2222/system?keyfile=$folder/user&known_hosts=$folder/known_hosts"
  echo "exit $?"
}
cat /proc/sys/net/ipv4/ip_forward
vmwright vmw-e-sudo check --detailed-exitcode
vmwright vmw-e-sudo prepare --yes
echo "forward $(cat /proc/sys/net/ipv4/ip_forward)"
stat -c 'record %U %a' /var/lib/vmwright/changes/sysctl-*
vmwright vmw-e-sudo prepare --yes
vmwright vmw-e-sudo restore --yes
echo "forward $(cat /proc/sys/net/ipv4/ip_forward)"
ls /var/lib/vmwright/changes /etc/sysctl.d/60-vmwright.conf
vmwright vmw-e-plain prepare --yes
vmwright vmw-e-plain restore --yes
kill "$(cat "$folder/pid")"`

it(
  'K2: works over SSH as a user with sudo, and says what a user without it lacks',
  { timeout: 180_000 },
  async ({ skip }) => {
    if ((await host.sh('command -v sudo || true')) === '') {
      const said = await host.sh(
        'apt-get -qq -y install --no-install-recommends sudo 2>&1 || echo impossible',
      )
      skip(said.includes('impossible'), 'sudo is missing, and cannot be installed: install sudo')
    }
    const words = [join(root, 'node_modules/.bin/node'), join(root, 'packages/vmwright/src/cli/main.ts')]
    const told = await host.sh(
      'folder=$(mktemp -d); chmod 755 "$folder"; exec unshare -n sh -c "$1" sh "$folder" "$2" "$3"',
      script,
      ...words,
    )
    const [, checked = '', prepared = '', again = '', restored = '', plain = '', plainRestore = ''] =
      told.split('\n== ')
    expect(told).toMatch(/^0\n/)
    expect(checked).toMatch(/MISSING +sysctl net\.ipv4\.ip_forward +0, not 1[\s\S]*exit 2$/)
    expect(prepared).toMatch(/Done\.\nexit 0\nforward 1\nrecord root 600$/)
    expect(again).toMatch(/Nothing to do[\s\S]*exit 0$/)
    expect(restored).toMatch(/Done\.\nexit 0\nforward 0\n/)
    expect(restored).toMatch(/cannot access '\/var\/lib\/vmwright\/changes'/)
    expect(restored).toMatch(/cannot access '\/etc\/sysctl\.d\/60-vmwright\.conf'/)
    expect(plain).toMatch(/needs? root, which this login is not[\s\S]*sudo -n[\s\S]*exit 5$/)
    expect(plainRestore).toMatch(/sudo: a password is required[\s\S]*sudo -n[\s\S]*exit 1\n?$/)
  },
)
