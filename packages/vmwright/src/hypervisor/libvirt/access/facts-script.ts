/**
 * Gathers, in one go and without changing anything, what decides about access. `$1`: the user, or empty for the one
 * of the host's configuration; `$2`: `system` or `session`; `$3`: libvirt's qemu.conf. Standard input: one path a
 * line, each byte as `\0ooo`. Output: lines that begin with the kind of the fact (`parseFacts`).
 *
 * Needs a POSIX shell, coreutils and sed; does with less where getfacl, lsattr or setpriv are missing. The user that
 * libvirt was built with is the one of these that exists: Debian, Ubuntu and Arch have `libvirt-qemu`, Fedora, RHEL
 * and SUSE `qemu`; the default of libvirt itself is root, which runs without capabilities
 * (`clear_emulator_capabilities`). QEMU gets the user's groups besides its own (`virGetGroupList`).
 */
export const factsScript = `
export LC_ALL=C
cd /
user=$1 mode=$2 conf=$3
eol='
'
settings=$eol$(sed -nE "s/^[[:space:]]*(user|group|dynamic_ownership|clear_emulator_capabilities)[[:space:]]*=[[:space:]]*[\\"']?([^\\"'#[:space:]]*).*/\\1 \\2/p" "$conf" 2>/dev/null)$eol
# The first one counts.
setting() {
  value=
  case $settings in *"$eol$1 "*) value=\${settings#*"$eol$1 "}; value=\${value%%"$eol"*} ;; esac
}
third_of() { IFS=: read -r _ _ value _ <<END || :
$1
END
}
if [ -z "$user" ] && [ "$mode" = session ]; then user=$(id -un); fi
[ -n "$user" ] || { setting user; user=$value; }
uid=
if [ -z "$user" ]; then
  for user in libvirt-qemu qemu root; do ! uid=$(id -u "$user" 2>/dev/null) || break; done
fi
name=\${user#+}
case $user in
  +*) uid=$name ;;
  *) [ -n "$uid" ] || uid=$(id -u -- "$user" 2>/dev/null) || case $user in *[!0-9]*) uid= ;; *) uid=$user ;; esac ;;
esac
group=
[ "$mode" = session ] || { setting group; group=$value; }
case $group in
  +*) gid=\${group#+} ;;
  ?*) third_of "$(getent group "$group")"; gid=$value ;;
  *) gid=; [ "$mode" = session ] || { third_of "$(getent group "$name")"; gid=$value; } ;;
esac
[ -n "$gid" ] || gid=$(id -g -- "$name" 2>/dev/null) || gid=$uid
groups=$gid
for each in $(id -G -- "$name" 2>/dev/null); do groups=$groups,$each; done
printf 'user %s %s %s\\n' "$name" "\${uid:--}" "$groups"
[ -n "$uid" ] || exit 0
runner=$(id -u)
echo "runner $runner"
for tool in setfacl getfacl; do ! command -v $tool >/dev/null || echo "tool $tool"; done
for key in dynamic_ownership clear_emulator_capabilities; do setting $key; echo "conf $key $value"; done
sed -nE 's/^[[:space:]]*(security_driver)[[:space:]]*=(.*)/conf \\1 \\2/p' "$conf" 2>/dev/null
sed 's/^/mount /' /proc/self/mountinfo

set --
while IFS= read -r line; do
  rest=$(printf '%bx' "$line")
  rest=\${rest%x} here=/ seen= state=there hops=0
  while :; do
    index=0 at=
    for each do
      if [ "$each" = "$here" ]; then at=$index; break; fi
      index=$((index + 1))
    done
    if [ -z "$at" ]; then at=$#; set -- "$@" "$here"; fi
    seen=$seen,$at
    while :; do
      rest=\${rest#"\${rest%%[!/]*}"}
      [ -n "$rest" ] || break 2
      part=\${rest%%/*}
      rest=\${rest#"$part"}
      case $part in
        .) continue ;;
        ..) here=\${here%/*}; here=\${here:-/}; continue 2 ;;
      esac
      next=\${here%/}/$part
      if [ -L "$next" ]; then
        hops=$((hops + 1))
        if [ $hops -gt 40 ]; then state=loop; break 2; fi
        to=$(readlink -- "$next" && echo x)
        rest=\${to%?x}$rest
        case $rest in /*) here=/ ;; esac
        continue 2
      fi
      if [ -e "$next" ]; then here=$next; continue 2; fi
      state=missing
      if [ -d "$here" ] && [ ! -x "$here" ]; then state=hidden; fi
      break 2
    done
  done
  echo "walk $state \${seen#,}"
done
[ $# -gt 0 ] || exit 0

echo "paths $(printf '%s\\0' "$@" | od -An -v -tx1 | tr -d ' \\n')"
stat -c 'stat %f %u %g' -- "$@"
if command -v getfacl >/dev/null; then getfacl -cpnE -- "$@" 2>/dev/null | sed 's/^/acl /'; fi
# One by one only where one of all has it: paths that have no flags leave no line, so lines cannot be counted.
case $(lsattr -d -- "$@" 2>/dev/null | cut -d ' ' -f 1) in
  *i*)
    index=0
    for each do
      flags=$(lsattr -d -- "$each" 2>/dev/null)
      case \${flags%% *} in *i*) echo "immutable $index" ;; esac
      index=$((index + 1))
    done ;;
esac

try='for each do
  r=- w=- x=-
  [ ! -r "$each" ] || r=r
  [ ! -w "$each" ] || w=w
  [ ! -x "$each" ] || x=x
  echo "can $r$w$x"
done'
if [ "$runner" = 0 ] && command -v setpriv >/dev/null; then
  bounds=
  setting clear_emulator_capabilities
  if [ "$uid" = 0 ] && [ "$value" != 0 ]; then
    bounds='--inh-caps=-all --bounding-set=-all'
  fi
  setpriv --reuid "$uid" --regid "$gid" --groups "$groups" $bounds sh -c "$try" sh "$@" </dev/null 2>/dev/null
elif [ "$runner" = "$uid" ]; then
  sh -c "$try" sh "$@" </dev/null
elif [ "$runner" = 0 ] && command -v runuser >/dev/null; then
  runuser -u "$name" -- sh -c "$try" sh "$@" </dev/null 2>/dev/null
fi

apparmor=
{ read -r apparmor </sys/module/apparmor/parameters/enabled; } 2>/dev/null
if [ "$apparmor" = Y ]; then
  echo 'apparmor on'
  sed -nE 's/^(.*(libvirtd|virtqemud)( .*)?)$/profile \\1/p' /sys/kernel/security/apparmor/profiles 2>/dev/null
  cat /etc/apparmor.d/local/abstractions/libvirt-qemu /etc/apparmor.d/abstractions/libvirt-qemu.d/* 2>/dev/null |
    sed -nE 's/^[[:space:]]*([^#[:space:]].*)$/rule \\1/p'
fi
if [ -r /sys/fs/selinux/enforce ]; then
  echo "selinux $(cat /sys/fs/selinux/enforce)"
  stat -c 'label %C' -- "$@"
  for boolean in virt_use_nfs virt_use_samba virt_use_fusefs; do
    echo "boolean $boolean $(cut -d ' ' -f 1 /sys/fs/selinux/booleans/$boolean 2>/dev/null)"
  done
fi
exit 0`
