/** What filters on a host, and with what it could. */
export const firewallScript = `
section tools
for tool in nft iptables ip6tables; do ! has $tool || echo $tool; done
section nft
ruleset=$(root nft -s -t list ruleset)
printf '%s\\n' "$ruleset"
for tool in iptables ip6tables; do
  # The kind that keeps its rules in nftables makes the table that it is asked for.
  if has nft && of_nft $tool; then
    family=ip; [ $tool = iptables ] || family=ip6
    case $ruleset in *"table $family filter "*) ;; *) continue ;; esac
  fi
  section $tool
  root $tool -S
done
`

/**
 * What a host's network is like, without changing anything. Each part is left out where its tool is missing; what
 * `ip` of before 4.13 cannot say in JSON it says as text, and /sys has the rest.
 */
export const networkScript = `
plain=
section addresses
ip -d -j addr show 2>/dev/null || plain=yes
section routes-v4
ip -j -4 route show 2>/dev/null
section routes-v6
ip -j -6 route show 2>/dev/null
if [ -n "$plain" ]; then
  section plain-links
  for path in /sys/class/net/*; do
    [ -e "$path/flags" ] || continue
    kind=other
    if [ "$(cat "$path/type")" = 772 ]; then kind=loopback
    elif [ -d "$path/bridge" ]; then kind=bridge
    elif [ -d "$path/bonding" ]; then kind=bond
    elif [ -e "$path/tun_flags" ]; then kind=tap
    elif grep -q '^DEVTYPE=vlan$' "$path/uevent"; then kind=vlan
    elif [ -e "$path/device" ]; then kind=physical; fi
    master=$(readlink "$path/master") || master=-
    echo "\${path##*/} $kind $(cat "$path/flags") \${master##*/} $(cat "$path/address")"
  done
  section plain-addresses
  ip -o addr show 2>/dev/null
  section plain-routes-v4
  ip -4 route show 2>/dev/null
  section plain-routes-v6
  ip -6 route show 2>/dev/null
fi
section dns
root ss -Hlntup 'sport = :53'
${firewallScript}`
