/** Needs the helpers of sections. `$1`: the state folder, without its records; `$2`, …: further folders. */
export const censusScript = `
section interfaces
ip -d -j link show 2>/dev/null
section tools
for tool in nft iptables ip6tables; do ! has $tool || echo $tool; done
section nft
root nft -s -t list ruleset
for tool in iptables ip6tables; do
  has $tool || continue
  # What its nf_tables kind has is in the ruleset above.
  if has nft; then
    ! of_nft $tool || continue
    case $($tool -V 2>/dev/null) in *nf_tables*) continue ;; esac
  fi
  section $tool
  root $tool-save
done
section sysctls
grep -Hs . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv[46]/conf/all/forwarding \
  /proc/sys/net/ipv[46]/conf/default/forwarding /proc/sys/net/bridge/bridge-nf-call-*
if [ $# -gt 0 ]; then
  section files
  root find "$@" -path "$1/records" -prune -o \
    -type d ! -path "$1" -printf 'folder %m %p\\n' -o -type l -printf 'link %m %p\\n' -o \
    -type f -printf 'file %m ' -exec sha256sum {} ';'
fi
`

/** `$1`: the project; `$2`: the state folder, or nothing for that of the user. The last record takes the folders with it. */
const common = `
LC_ALL=C; export LC_ALL
umask 077
folder=\${2:-\${XDG_DATA_HOME:-$HOME/.local/share}/vmwright}/records
record=$folder/$1.json
`

/** Standard input: the record. The first one stays: a link does not replace what is there. */
export const keepScript = `${common}
[ ! -e "$record" ] || exit 0
[ -d "$folder" ] || { (umask 022; mkdir -p "\${folder%/*}") && mkdir -p "$folder"; } || exit 1
new=$(mktemp "$folder/.new.XXXXXX") || exit 1
trap 'rm -f "$new"' EXIT
cat >"$new" && sync "$new" && { ln "$new" "$record" 2>/dev/null || [ -e "$record" ]; }
`

export const keptScript = `${common}
[ ! -e "$record" ] || cat "$record"
`

export const forgetScript = `${common}
rm -f "$record" || exit 1
rmdir "$folder" 2>/dev/null && rmdir "\${folder%/*}" 2>/dev/null
exit 0
`
