import { foldersOfRuns } from './run-scripts.ts'

/**
 * Gathers, in one go and without changing anything, what is known of an interface (`$1`) and of a bridge that is to
 * be made over it (`$2`). Output: lines that begin with the kind of the fact (`parseFacts`).
 *
 * Configuration is read where its owner reads it: networkd tells in `/run/systemd/netif/links` which file it took
 * (format of systemd's `networkd-link.c`, the same from 213 on), NetworkManager through nmcli, netplan from
 * `/etc/netplan`, ifupdown from `/etc/network/interfaces` and what that sources.
 */
export const factsScript = `${foldersOfRuns}
port=$1 bridge=$2
net=/sys/class/net
command -v ip >/dev/null || { echo 'lacking ip'; exit 0; }
for tool in nmcli networkctl netplan ifup; do ! command -v $tool >/dev/null || echo "tool $tool"; done

device=$port
if [ -e "$net/$bridge/bridge" ]; then
  echo "bridge $(ls "$net/$bridge/brif" | tr '\\n' ' ')"
  [ ! -e "$net/$bridge/brif/$port" ] || device=$bridge
elif [ -e "$net/$bridge" ]; then
  echo taken
fi
if [ -e "$net/$port" ]; then
  echo "there $(readlink "$net/$port/master" | sed 's,.*/,,')"
  if [ -e "$net/$port/wireless" ] || [ -e "$net/$port/phy80211" ]; then echo wireless; fi
  echo "link $(ip -j -d link show dev "$port")"
  echo "address $(ip -j address show dev "$device")"
  for family in 4 6; do echo "route$family $(ip -j -$family route show table all dev "$device" 2>/dev/null)"; done
fi

# Path, permission bits, content.
show() { [ ! -f "$2" ] || echo "file $1 $(stat -c %a -- "$2") $(printf %s "$2" | base64 -w0) $(base64 -w0 <"$2")"; }

link=/run/systemd/netif/links/$(cat "$net/$port/ifindex" 2>/dev/null)
if [ -f "$link" ]; then
  file=$(sed -n 's/^NETWORK_FILE=//p' "$link")
  echo "networkd $(sed -n 's/^ADMIN_STATE=//p' "$link") $file"
  lease=/run/systemd/netif/leases/\${link##*/}
  [ ! -f "$lease" ] || echo "lease $(sed -n 's/^CLIENTID=//p' "$lease")"
  if [ -n "$file" ]; then
    show networkd "$file"
    for root in /usr/lib /run /etc; do
      for each in "$root/systemd/network/\${file##*/}.d"/*.conf; do show networkd "$each"; done
    done
  fi
fi
for each in /etc/netplan/*.yaml; do
  case $each in */90-NM-*) ;; *) show netplan "$each" ;; esac
done
if command -v nmcli >/dev/null && uuid=$(nmcli -e no -g GENERAL.CON-UUID device show "$port" 2>/dev/null); then
  echo "nm $(nmcli -e no -g GENERAL.STATE device show "$port" | cut -d ' ' -f 1) $uuid"
  [ -z "$uuid" ] ||
    nmcli -e no -t -f connection,802-3-ethernet,ipv4,ipv6 connection show uuid "$uuid" | sed 's/^/nm-setting /'
fi
sources() {
  show ifupdown "$1"
  [ -f "$1" ] || return 0
  sed -nE 's/^[[:space:]]*source(-directory)?[[:space:]]+/\\1 /p' "$1" | while read -r kind pattern; do
    [ "$kind" = -directory ] || { pattern="$kind\${pattern:+ $pattern}"; kind=; }
    case $pattern in /*) ;; *) pattern=/etc/network/$pattern ;; esac
    for each in $pattern\${kind:+/*}; do show ifupdown "$each"; done
  done
}
sources /etc/network/interfaces

[ ! -f "$base/$bridge/record" ] || echo "record $(base64 -w0 <"$base/$bridge/record")"
runs
exit 0`

/** The record of each bridge that was made, in base64, one a line. */
export const recordsScript = `${foldersOfRuns}
for each in "$base"/*/record; do [ ! -f "$each" ] || base64 -w0 <"$each" && echo; done
exit 0`
