/**
 * Makes a guest that is a copy another one, as root, in the guest. `$1` hostname, `$2` machine-id, `$3` cloud-init's
 * instance-id, `$4` seconds since the epoch, then `old=new` for each MAC address. On the standard input a line of
 * hexadecimal entropy, then for each file a line `mode path`, its text, and a line with a dot.
 *
 * Under emulation each program that is started takes a tenth of a second, so there are few. What can fail without harm
 * may: guests differ. The order matters: entropy before anything random, the machine-id before the network asks for an
 * address with an identifier that is made of it.
 *
 * - Random numbers: RNDADDENTROPY and RNDRESEEDCRNG (linux/random.h). Writing to /dev/urandom alone mixes bytes in, but
 *   the kernel goes on with its old key for minutes.
 * - The card has its new address at once, while the one that it was found with (`permaddr`, by which netplan's files for
 *   networkd match) stays until the guest starts again; so the files of /etc get the new one, those of /run stay.
 * - A card goes down and up, so that it gets a link-local IPv6 address of its own, for which networkd waits.
 * - SIGHUP has sshd read its keys again.
 */
export const identityScript = `
umask 022
name=$1 machine_id=$2 instance_id=$3 clock=$4
shift 4
read -r entropy
printf %s "$entropy" | perl -e '
  open my $random, "+<", "/dev/urandom" or exit 1;
  my $bytes = pack "H*", <STDIN>;
  ioctl $random, 0x40085203, pack("iia*", 8 * length $bytes, length $bytes, $bytes) or exit 1;
  ioctl $random, 0x5207, 0' || printf %s "$entropy" >/dev/urandom
date -u -s "@$clock" >/dev/null

read -r old </etc/hostname || old=localhost
read -r old_id </etc/machine-id || old_id=none
echo "$name" >/etc/hostname
echo "$name" >/proc/sys/kernel/hostname
rm -f /etc/machine-id /etc/ssh/ssh_host_* /var/lib/cloud/instance/obj.pkl /var/lib/systemd/random-seed \\
  /var/lib/dhcp/*.leases /var/lib/dhclient/* /run/systemd/netif/leases/* /var/lib/NetworkManager/*.lease \\
  /var/lib/NetworkManager/secret_key
echo "$machine_id" >/etc/machine-id
if [ -f /var/lib/dbus/machine-id ] && ! [ -L /var/lib/dbus/machine-id ]; then
  echo "$machine_id" >/var/lib/dbus/machine-id
fi
if [ -d "/var/log/journal/$old_id" ]; then mv "/var/log/journal/$old_id" "/var/log/journal/$machine_id"; fi
while read -r mode path; do
  : >"$path" && chmod "$mode" "$path"
  while IFS= read -r line && [ "$line" != . ]; do printf '%s\\n' "$line"; done >"$path"
done

if [ -L /var/lib/cloud/instance ]; then
  read -r old_instance </var/lib/cloud/data/instance-id
  mv "/var/lib/cloud/instances/$old_instance" "/var/lib/cloud/instances/$instance_id"
  ln -sfn "/var/lib/cloud/instances/$instance_id" /var/lib/cloud/instance
  echo "$instance_id" >/var/lib/cloud/data/instance-id
  echo "$instance_id" >/var/lib/cloud/data/previous-instance-id
  echo "$name" >/var/lib/cloud/data/previous-hostname
fi

edits="s/\\(^\\|[[:space:]]\\)$old\\([[:space:].]\\|\\$\\)/\\1$name\\2/g"
edits="$edits;$edits"
for pair; do
  from=\${pair%=*} to=\${pair#*=}
  edits="$edits;s/$from/$to/Ig"
  for device in /sys/class/net/*; do
    read -r address <"$device/address" || continue
    [ "$address" = "$from" ] || continue
    device=\${device##*/}
    printf 'link set dev %s down\\naddress flush dev %s\\nlink set dev %s address %s\\nlink set dev %s up\\n' \\
      "$device" "$device" "$device" "$to" "$device" | ip -force -batch -
  done
done
files=
if [ "$#" -gt 0 ]; then
  files=$(grep -rlsi "$(printf '%s\\n' "$@" | sed 's/=.*//')" /etc/netplan /etc/network /etc/systemd/network \\
    /etc/sysconfig/network-scripts /etc/NetworkManager/system-connections /etc/udev/rules.d)
fi
sed -i "$edits" /etc/hosts $files
head -c 512 /dev/urandom >/var/lib/systemd/random-seed 2>/dev/null
if [ -r /run/sshd.pid ]; then read -r pid </run/sshd.pid; kill -HUP "$pid"; sshd=; else sshd='ssh.service sshd.service'; fi
systemctl --no-block try-restart systemd-networkd.service NetworkManager.service networking.service $sshd 2>/dev/null
[ "$(cat /etc/machine-id)" = "$machine_id" ] && [ "$(cat /etc/hostname)" = "$name" ]
`
