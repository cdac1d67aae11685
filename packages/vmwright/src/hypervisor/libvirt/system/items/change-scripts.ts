import type { HostItem } from '../../../host/items.ts'
import { lineChange, lineRestore } from './line-scripts.ts'
import { packageChange, packageRestore } from './package-scripts.ts'
import { recordScript } from './record-script.ts'
import { modulesFile, sysctlFile } from './state.ts'

/**
 * How each kind of item is changed and taken back. `$1`: the name of its record; for a change `$2`: the item as JSON,
 * and from `$3` on what the kind needs. Output: `say …` lines for people, then `done`, `failed WHY text`, or for a
 * restoring `outcome done|already|kept`.
 */
export const itemScripts: Readonly<
  Record<HostItem['kind'], { readonly change: string; readonly restore: string }>
> = {
  package: { change: recordScript + packageChange, restore: recordScript + packageRestore },
  'config-line': { change: recordScript + lineChange, restore: recordScript + lineRestore },
  // `$3`: path below /proc/sys; `$4`: value; `$5`: the name as sysctl.d(5) spells it.
  sysctl: {
    change: `${recordScript}
file=/proc/sys/$3
now=$(cat "$file" 2>&1) || failed read "$now"
turn
{ told path "$3"; told name "$5"; told value "$now"; } | keep "$2" "$(printf %s "$4" | tr -s '\\t ' ' ')" || exit 9
(printf '%s\\n' "$4" >"$file") 2>/dev/null || failed refused "the kernel does not take $4"
set_own_line ${sysctlFile} "$5" "$5 = $4" || failed write '${sysctlFile} cannot be written'
[ "$(cat "$file" | tr -s '\\t ' ' ')" = "$(printf %s "$4" | tr -s '\\t ' ' ')" ] ||
  failed verify "the kernel has $(cat "$file") afterwards"
echo done`,
    restore: `${recordScript}
turn_for_restore
file=/proc/sys/$(before path)
now=$(cat "$file" 2>/dev/null | tr -s '\\t ' ' ')
was=$(before value)
set_own_line ${sysctlFile} "$(before name)"
if [ "$now" = "$(printf %s "$was" | tr -s '\\t ' ' ')" ]; then outcome done; fi
if ! is_ours "$now"; then outcome kept "it is $now by now"; fi
(printf '%s\\n' "$was" >"$file") 2>/dev/null || failed refused "the kernel does not take $was"
outcome done`,
  },
  // `$3`: name.
  'kernel-module': {
    change: `${recordScript}
name=$(printf %s "$3" | tr - _)
is_there() { [ -d "/sys/module/$name" ]; }
turn
{ told name "$3"; told loaded "$(if is_there; then echo yes; else echo no; fi)"; } | keep "$2" || exit 9
set_own_line ${modulesFile} "$3" "$3" || failed write '${modulesFile} cannot be written'
is_there || said=$(modprobe -- "$3" 2>&1) || failed refused "$said"
is_there || modprobe -n -q -- "$3" || failed verify 'it is not loaded afterwards'
echo done`,
    restore: `${recordScript}
turn_for_restore
name=$(before name)
set_own_line ${modulesFile} "$name"
if [ "$(before loaded)" = no ] && [ -d "/sys/module/$(printf %s "$name" | tr - _)" ]; then
  modprobe -r -- "$name" 2>/dev/null || outcome kept 'it is in use; it is not loaded with the next start'
fi
outcome done`,
  },
  // `$3`: user; `$4`: group.
  'group-member': {
    change: `${recordScript}
getent group "$4" >/dev/null || failed missing "the host has no group $4"
is_member() { id -nG -- "$1" | tr ' ' '\\n' | grep -qxF -- "$2"; }
turn
if is_member "$3" "$4"; then echo done; exit 0; fi
{ told user "$3"; told group "$4"; } | keep "$2" || exit 9
said=$(usermod -a -G "$4" -- "$3" 2>&1) || failed refused "$said"
is_member "$3" "$4" || failed verify 'the user is not a member afterwards'
echo done`,
    restore: `${recordScript}
turn_for_restore
user=$(before user) group=$(before group)
if ! getent group "$group" | cut -d: -f4 | tr , '\\n' | grep -qxF -- "$user"; then outcome already; fi
said=$(gpasswd -d "$user" "$group" 2>&1) || failed refused "$said"
outcome done`,
  },
  // `$3`: name.
  service: {
    change: `${recordScript}
name=$3
is_running() { cat /proc/[0-9]*/comm 2>/dev/null | grep -qxF -- "$(printf %.15s "$name")"; }
turn
if [ -d /run/systemd/system ]; then
  units=
  for unit in $name.service $name.socket $name-ro.socket $name-admin.socket; do
    systemctl cat $unit >/dev/null 2>&1 && units="$units $unit"
  done
  case $units in *.service*) ;; *) failed missing "the host has no service $name" ;; esac
  for unit in $units; do
    told unit "$unit $(systemctl is-enabled $unit 2>/dev/null) $(systemctl is-active $unit 2>/dev/null)"
  done | keep "$2" || exit 9
  said=$(systemctl enable $units 2>&1) || failed refused "$said"
  if ! systemctl -q is-active $name.service; then
    case $units in *"$name.socket"*) first=$name.socket ;; *) first=$name.service ;; esac
    said=$(systemctl start $first 2>&1) || failed refused "$said"
  fi
  systemctl -q is-active $name.service || systemctl -q is-active $name.socket || failed verify 'it does not run afterwards'
  echo done
  exit 0
fi
if is_running; then echo done; exit 0; fi
command -v $name >/dev/null || [ -x /etc/init.d/$name ] || failed missing "the host has no service $name"
told process stopped | keep "$2" || exit 9
if [ -x /etc/init.d/$name ]; then
  setsid /etc/init.d/$name start </dev/null >/dev/null 2>&1 9<&-
else
  setsid $name -d </dev/null >/dev/null 2>&1 9<&-
fi
tries=0
until is_running; do
  tries=$((tries + 1))
  [ $tries -le 50 ] || failed verify 'it does not run afterwards'
  sleep 0.1
done
say "$name runs; nothing starts it with the host, because there is no systemd"
echo done`,
    restore: `${recordScript}
name=$2
turn_for_restore
if has 'before process'; then
  if [ -x /etc/init.d/$name ]; then
    /etc/init.d/$name stop </dev/null >/dev/null 2>&1 9<&-
  else
    pid=$(cat /run/$name.pid 2>/dev/null || cat /var/run/$name.pid 2>/dev/null)
    [ -n "$pid" ] && [ "$(cat /proc/$pid/comm 2>/dev/null)" = "$(printf %.15s "$name")" ] || outcome already
    kill "$pid"
    tries=0
    while [ -d "/proc/$pid" ] && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
  fi
  outcome done
fi
sed -n 's/^before unit //p' "$record" | while read -r coded; do
  set -- $(decode "$coded")
  systemctl cat "$1" >/dev/null 2>&1 || continue
  [ "\${2-}" != disabled ] || systemctl -q disable "$1" 2>/dev/null
  [ "\${3-}" = active ] || systemctl stop "$1" 2>/dev/null
done
outcome done`,
  },
}
