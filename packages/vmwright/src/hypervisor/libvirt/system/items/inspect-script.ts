import { singleQuoted } from '../../../../lib/shell.ts'

/**
 * Tells, in one go and without changing anything, what the host is and how the items on standard input are: one item
 * a line, `kind field…`, each byte of a field as `\0ooo`. Output: lines that begin with the kind of the fact
 * (`parseInspection`), `end` last. What is decided on them is decided by `parseInspection`, not here.
 *
 * Needs a POSIX shell, coreutils, awk and sed. Files of sysctl.d(5) come in the order in which they are read.
 */
const script = `
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
cd /
decode() { decoded=$(printf '%bx' "$1"); decoded=\${decoded%x}; }

(
  if [ -r /etc/os-release ]; then . /etc/os-release; else . /usr/lib/os-release; fi
  printf 'distribution %s\\nrelease %s\\nids %s\\n' "\${PRETTY_NAME-}" "\${VERSION_ID-}" "\${ID-} \${ID_LIKE-}"
) 2>/dev/null
echo "architecture $(uname -m)"
kernel=$(uname -r)
echo "kernel $kernel"
echo "runner $(id -u)"
init=none
if [ -d /run/systemd/system ]; then init=systemd; fi
echo "init $init"
[ ! -e /proc/modules ] || echo 'loads-modules yes'

awk -F ': *' '
  /^vendor_id/ && !vendor { vendor = $2; print "vendor " vendor }
  /^(flags|Features)/ && !seen { seen = 1; count = split($2, flags, " ")
    for (i = 1; i <= count; i++) if (flags[i] ~ /^(vmx|svm|hypervisor)$/) print "flag " flags[i] }
' /proc/cpuinfo
for module in kvm kvm_intel kvm_amd vhost_net tun; do [ ! -d /sys/module/$module ] || echo "loaded $module"; done
for module in kvm_intel kvm_amd; do
  [ ! -r /sys/module/$module/parameters/nested ] || echo "nested $(cat /sys/module/$module/parameters/nested)"
done
[ ! -e /dev/kvm ] || echo "device $(stat -c '%U %G %a' /dev/kvm)"
if command -v systemd-detect-virt >/dev/null; then
  echo "inside $(systemd-detect-virt -v)"
  ! systemd-detect-virt -cq || echo "container $(systemd-detect-virt -c)"
elif [ -e /.dockerenv ] || [ -e /run/.containerenv ]; then
  echo 'container of a kind that does not tell'
fi
for daemon in libvirtd virtqemud; do
  command -v $daemon >/dev/null || continue
  echo "daemon $daemon $($daemon --version 2>/dev/null | sed 's/.* //')"
  if [ $init = systemd ]; then
    for state in $(systemctl is-enabled $daemon.service $daemon.socket 2>/dev/null) \\
      $(systemctl is-active $daemon.service $daemon.socket); do
      case $state in enabled | active) echo "uses $daemon" ;; esac
    done
  fi
done
for manager in apt-get zypper dnf yum pacman; do ! command -v $manager >/dev/null || echo "manager $manager"; done

cat /proc/[0-9]*/comm 2>/dev/null | sort -u | sed 's/^/process /'
folders='/etc /run /usr/local/lib /usr/lib /lib'
for file in $(for folder in $folders; do
    for each in $folder/sysctl.d/*.conf; do [ ! -r "$each" ] || echo "\${each##*/}|$each"; done
  done | sort -s -t '|' -k 1,1 -u | cut -d '|' -f 2); do set -- "$@" "$file"; done
[ $init = systemd ] || [ ! -r /etc/sysctl.conf ] || set -- "$@" /etc/sysctl.conf
[ $# = 0 ] || awk '!/^[ \\t]*([#;]|$)/ { print "setting " FILENAME "\\t" $0 }' "$@"
cat /etc/modules $(for folder in $folders; do echo $folder/modules-load.d/*.conf; done) 2>/dev/null |
  awk '!/^[ \\t]*([#;]|$)/ { print "listed " $1 }'

index=0 packages= services=
while read -r kind first second third; do
  decode "$first"; name=$decoded
  case $kind in
    package) packages="$packages $name" ;;
    service) services="$services $name" ;;
    sysctl)
      path=$name
      if [ ! -e "/proc/sys/$path" ]; then
        echo "sysctl $index missing"
      elif value=$(cat "/proc/sys/$path" 2>/dev/null); then
        printf 'sysctl %s value %s\\n' $index "$(printf %s "$value" | tr '\\n' ' ')"
      else
        echo "sysctl $index hidden"
      fi
      ;;
    config-line)
      decode "$second"; KEY=$decoded; export KEY
      if [ ! -e "$name" ]; then
        if [ -d "\${name%/*}" ]; then echo "config $index absent"; else echo "config $index no-folder"; fi
      elif [ ! -r "$name" ]; then
        echo "config $index hidden"
      else
        awk -v index_="$index" '
          { line = $0; sub(/^[ \\t]+/, "", line)
            if (substr(line, 1, length(ENVIRON["KEY"])) == ENVIRON["KEY"] &&
                substr(line, length(ENVIRON["KEY"]) + 1) ~ /^[ \\t]*=/) found = "line " $0 }
          END { print "config " index_ " " (found == "" ? "none" : found) }' "$name"
      fi
      ;;
    kernel-module)
      device=
      case $name in tun) device=/dev/net/tun ;; vhost_net) device=/dev/vhost-net ;; kvm_*) device=/dev/kvm ;; esac
      if grep -qs "/$(printf %s "$name" | sed 's/[-_]/[-_]/g')\\.ko" /lib/modules/$kernel/modules.builtin; then
        echo "module $index builtin"
      elif [ ! -e /proc/modules ] && [ -n "$device" ] && [ -e $device ]; then
        echo "module $index builtin"
      elif [ -d "/sys/module/$(printf %s "$name" | tr - _)" ]; then
        if [ -e /proc/modules ]; then echo "module $index loaded"; else echo "module $index builtin"; fi
      elif [ -e /proc/modules ] && modprobe -n -q "$name"; then
        echo "module $index available"
      else
        echo "module $index missing"
      fi
      ;;
    group-member)
      decode "$second"; group=$decoded
      if ! id -u -- "$name" >/dev/null 2>&1; then
        echo "member $index no-user"
      elif ! getent group "$group" >/dev/null; then
        echo "member $index no-group"
      elif id -nG -- "$name" | tr ' ' '\\n' | grep -qxF -- "$group"; then
        echo "member $index yes"
      else
        echo "member $index no"
      fi
      ;;
  esac
  index=$((index + 1))
done

if [ -n "$packages" ]; then
  if command -v dpkg-query >/dev/null; then
    dpkg-query -W -f 'have \${Package} \${db:Status-Status}\\n' $packages 2>/dev/null
  elif command -v rpm >/dev/null; then
    rpm -q --qf 'have %{NAME} installed\\n' $packages | grep '^have '
  elif command -v pacman >/dev/null; then
    pacman -Q $packages 2>/dev/null | sed 's/^\\([^ ]*\\) .*/have \\1 installed/'
  fi
fi
for name in $services; do
  if [ $init = systemd ]; then
    systemctl show -p LoadState -p UnitFileState -p ActiveState $name.service $name.socket |
      awk -v name=$name 'BEGIN { RS = "" } { gsub(/\\n/, " "); print "unit " name " " (NR == 1 ? "service" : "socket") " " $0 }'
  fi
  ! command -v $name >/dev/null || echo "program $name"
done
echo end`

/** As root where that can be had without a password: some files show themselves only to root. */
export const inspectScript = `
if [ "$1" = system ] && [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then
  exec sudo -n sh -c ${singleQuoted(`shift\n${script}`)} sh "$@"
fi
shift
${script}`
