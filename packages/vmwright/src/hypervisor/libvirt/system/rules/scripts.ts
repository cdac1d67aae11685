import { singleQuoted } from '../../../../lib/shell.ts'
import { ownChainPrefix } from '../../../host/rule-names.ts'

/**
 * `load FILE` puts the rules of a file into force, `unload FILE` takes them away; both may be repeated, and read what
 * they need from its header. The hook and our own commands use the same ones.
 */
const loader = `
PATH=$PATH:/usr/sbin:/sbin
fact() { sed -n "s/^# $1 //p" "$2"; }
each_jump() {
  fact jump "$2" | while read -r table chain target where; do
    "$1" -w -t "$table" -C "$chain" -j "$target" 2>/dev/null && continue
    at=$("$1" -w -t "$table" -S "$chain" | sed 1d | grep -nE '^-A [A-Z]+ -j (DROP|REJECT( .*)?|ufw6?-reject-[a-z]+)$' |
      head -n 1 | cut -d: -f1)
    if [ "$where" = first ]; then "$1" -w -t "$table" -I "$chain" 1 -j "$target"
    elif [ -n "$at" ]; then "$1" -w -t "$table" -I "$chain" "$at" -j "$target"
    else "$1" -w -t "$table" -A "$chain" -j "$target"; fi || exit 1
  done
}
load() {
  case $1 in
    *.nft) nft -f "$1" ;;
    *) "\${1##*.}-restore" -w --noflush <"$1" && each_jump "\${1##*.}" "$1" ;;
  esac
}
unload() {
  case $1 in
    *.nft)
      table=$(fact table "$1")
      ! nft list table inet "$table" >/dev/null 2>&1 || nft delete table inet "$table" ;;
    *)
      tool=\${1##*.}
      fact jump "$1" | while read -r table chain target where; do
        while "$tool" -w -t "$table" -D "$chain" -j "$target" 2>/dev/null; do :; done
      done
      fact chain "$1" | while read -r table chain; do "$tool" -w -t "$table" -F "$chain" 2>/dev/null; done
      fact chain "$1" | while read -r table chain; do
        ! "$tool" -w -t "$table" -S "$chain" >/dev/null 2>&1 || "$tool" -w -t "$table" -X "$chain" || exit 1
      done ;;
  esac
}
`

/**
 * libvirt (6.5 and later) runs it for each network that starts or stops (https://libvirt.org/hooks.html). The rules
 * are there before the network is: where they cannot be loaded it does not start, because a network without them
 * would be open to everybody. It must not call libvirt, which waits for it.
 */
export const hookScript = (rulesFolder: string): string => `#!/bin/sh
# Made by vmwright, which removes it together with the last of its networks.
rules=${singleQuoted(rulesFolder)}
case $2/$3 in
  start/begin) act=load ;;
  stopped/end) act=unload ;;
  *) exit 0 ;;
esac
${loader.trim()}
for file in "$rules"/*.nft "$rules"/*.iptables "$rules"/*.ip6tables; do
  [ -f "$file" ] || continue
  [ "$(fact network "$file")" = "$1" ] || continue
  $act "$file" || exit 1
done
exit 0
`

export const hookName = 'vmwright'

/** Runs of several projects change the same folders: one after the other. The lock ends with the script. */
const oneAtATime = `
exec 9<"\${hooks%/*}" && flock -w 60 9 || { echo "another run changes the rules of this host" >&2; exit 1; }
`

/**
 * `$1`: folder of rules, `$2`: folder of hooks, `$3`: the hook; then name and content of each file. What is in force
 * is replaced only by what was loaded, and files only by those. Hook folders that were not there are noted first, so
 * that `remove` knows which are ours; so are built-in chains of iptables that come into being (those of before
 * nf_tables belong to the kernel: they stay, empty).
 */
export const applyScript = `
LC_ALL=C; export LC_ALL
umask 022
rules=$1 hooks=$2 hook=$3
${oneAtATime}
${loader}
mkdir -p "$rules" || exit 1
for folder in "$hooks" "$hooks/network.d"; do
  [ -d "$folder" ] && continue
  echo "$folder" >>"$rules/.folders" && mkdir "$folder" || exit 1
done
printf '%s' "$hook" >"$rules/.hook" && chmod 755 "$rules/.hook" || exit 1
if ! cmp -s "$rules/.hook" "$hooks/network.d/${hookName}" || [ ! -x "$hooks/network.d/${hookName}" ]; then
  # Not by mv: a file takes its SELinux label from the folder that it is made in.
  cp "$rules/.hook" "$hooks/network.d/.${hookName}.new" && chmod 755 "$hooks/network.d/.${hookName}.new" &&
    mv -f "$hooks/network.d/.${hookName}.new" "$hooks/network.d/${hookName}" || exit 1
fi
rm -f "$rules/.hook"
case $4 in
  *.iptables)
    # iptables makes the built-in chains at first use, and never removes them.
    for chain in 'mangle FORWARD' 'filter FORWARD' 'filter INPUT' 'nat POSTROUTING'; do
      for family in ip ip6; do
        nft list chain $family $chain >/dev/null 2>&1 || echo "$family $chain" >>"$rules/.chains"
      done
    done ;;
esac
shift 3
new=
while [ $# -gt 0 ]; do
  # The suffix stays: it says what the file is for.
  printf '%s' "$2" >"$rules/.$1" || exit 1
  case $1 in
    *.nft) nft -c -f "$rules/.$1" ;;
    *) "\${1##*.}-restore" --test --noflush <"$rules/.$1" ;;
  esac || { rm -f "$rules/.\${1%.*}".*; exit 1; }
  new="$new $1"; shift 2
done
for name in $new; do load "$rules/.$name" || exit 1; done
for name in $new; do
  case $name in *.nft) continue ;; esac
  [ -f "$rules/$name" ] || continue
  # Chains that the rules of before had and these have not.
  grep -vxF -f "$rules/.$name" "$rules/$name" >"$rules/.gone.\${name##*.}"
  unload "$rules/.gone.\${name##*.}" && rm -f "$rules/.gone.\${name##*.}" || exit 1
done
key=\${name%.*}
for file in "$rules/$key".*; do
  case " $new " in *" \${file##*/} "*) continue ;; esac
  [ ! -f "$file" ] || { unload "$file" && rm -f "$file"; } || exit 1
done
for name in $new; do mv -f "$rules/.$name" "$rules/$name" || exit 1; done
`

/**
 * `$1`: folder of rules, `$2`: folder of hooks, `$3`: key of the owner; `$4` and `$5`: headers that name all that its
 * rules may stand in, for rules whose file is gone.
 */
export const removeScript = `
LC_ALL=C; export LC_ALL
rules=$1 hooks=$2 key=$3
${oneAtATime}
${loader}
for file in "$rules/$key".* "$rules/.$key".*; do
  [ ! -f "$file" ] || { unload "$file" && rm -f "$file"; } || exit 1
done
gone=$(mktemp -d) || exit 1
printf '%s' "$4" >"$gone/rules.nft"
printf '%s' "$5" | tee "$gone/rules.iptables" >"$gone/rules.ip6tables"
for tool in nft iptables ip6tables; do
  ! command -v $tool >/dev/null 2>&1 || unload "$gone/rules.$tool" || exit 1
done
rm -r "$gone"
for file in "$rules"/*.*; do [ ! -f "$file" ] || exit 0; done
rm -f "$hooks/network.d/${hookName}" "$hooks/network.d/.${hookName}.new" "$rules/.hook"
if [ -f "$rules/.folders" ]; then
  sed '1!G;h;$!d' "$rules/.folders" | while read -r folder; do rmdir "$folder" 2>/dev/null; done
  rm -f "$rules/.folders"
fi
if [ -f "$rules/.chains" ] && command -v nft >/dev/null 2>&1; then
  while read -r family table chain; do
    # Not if anybody has put something into it since: it is five lines when there is nothing in it.
    text=$(nft -s list chain "$family" "$table" "$chain" 2>/dev/null) || continue
    case $text in *' policy accept;'*) ;; *) continue ;; esac
    [ "$(printf '%s\\n' "$text" | wc -l)" = 5 ] || continue
    nft delete chain "$family" "$table" "$chain"
    [ "$(nft list table "$family" "$table" 2>/dev/null | wc -l)" != 2 ] || nft delete table "$family" "$table"
  done <"$rules/.chains"
fi
rm -f "$rules/.chains"
rmdir "$rules" 2>/dev/null && rmdir "\${rules%/*}" 2>/dev/null
exit 0
`

/**
 * `$1`: folder of rules, `$2`: folder of hooks. Needs the helpers of sections. Rules of iptables are saved, not listed
 * table by table, which makes the tables that are not there.
 */
export const readScript = `
section nft
ruleset=$(root nft -s list ruleset)
printf '%s\\n' "$ruleset"
for tool in iptables ip6tables; do
  has $tool-save || continue
  # What its nf_tables kind has is in the ruleset too: it is asked only where there is something of ours.
  if has nft && of_nft $tool; then case $ruleset in *${ownChainPrefix}*) ;; *) continue ;; esac; fi
  section $tool
  root $tool-save | awk '/^[*]/ { table = substr($0, 2) } /^-/ { print table, $0 }'
done
section files
for file in "$1"/*.nft "$1"/*.iptables "$1"/*.ip6tables; do
  [ -f "$file" ] || continue
  echo "file \${file##*/}"
  sed -n '/^#/p' "$file"
done
section hook
[ ! -x "$2/network.d/${hookName}" ] || sed 's/^/|/' "$2/network.d/${hookName}"
`
