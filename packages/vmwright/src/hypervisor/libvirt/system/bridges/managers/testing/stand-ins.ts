import { createRequire } from 'node:module'

/**
 * Programs that speak as those of the managers do, as far as these tests ask, and do their work by iproute2. What they
 * prove is the order of files and commands, where files are at each moment, and the safety around; that the managers
 * themselves understand the configuration is proven by them alone.
 */
const networkctl = `#!/bin/sh
all() {
  for file in /etc/systemd/network/*.$1 /run/systemd/network/*.$1; do
    [ ! -f "$file" ] || echo "\${file##*/} $file"
  done | sort -k1,1 -u | cut -d ' ' -f 2
}
value() { sed -n "s/^$2=//p" "$1"; }
case $1 in
  reload)
    for file in $(all netdev); do
      name=$(value "$file" Name)
      [ -e "/sys/class/net/$name" ] || ip link add "$name" address "$(value "$file" MACAddress)" type bridge
      ip link set "$name" up
    done ;;
  reconfigure)
    shift
    for device do
      for file in $(all network); do
        [ "$(value "$file" Name)" = "$device" ] || continue
        ip address flush dev "$device" scope global
        bridge=$(value "$file" Bridge)
        [ -z "$bridge" ] || ip link set "$device" master "$bridge"
        ip link set "$device" up
        for each in $(value "$file" Address); do ip address add "$each" dev "$device" nodad; done
        for each in $(value "$file" Gateway); do ip route replace default via "$each" dev "$device"; done
        mkdir -p /run/systemd/netif/links
        printf 'ADMIN_STATE=configured\\nNETWORK_FILE=%s\\n' "$file" \\
          >"/run/systemd/netif/links/$(cat "/sys/class/net/$device/ifindex")"
        break
      done
    done ;;
esac
`

const netplan = `#!${process.execPath}
const { parse } = require(${JSON.stringify(createRequire(import.meta.url).resolve('yaml'))})
const { execFileSync } = require('node:child_process')
const { existsSync, readdirSync, readFileSync } = require('node:fs')
const ip = (words) => execFileSync('ip', words.split(' '))
const names = (folder) => (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.endsWith('.yaml'))
const inRun = names('/run/netplan')
const devices = { ethernets: {}, bridges: {} }
for (const name of [...new Set([...names('/etc/netplan'), ...inRun])].sort()) {
  const { network } = parse(readFileSync((inRun.includes(name) ? '/run' : '/etc') + '/netplan/' + name, 'utf8'))
  for (const kind of Object.keys(devices))
    for (const [device, entry] of Object.entries(network[kind] ?? {})) {
      const known = (devices[kind][device] ??= { addresses: [], routes: [], interfaces: [] })
      for (const [key, value] of Object.entries(entry ?? {}))
        known[key] = Array.isArray(value) ? known[key].concat(value) : value
    }
}
const address = (device, { addresses, routes }) => {
  ip('link set ' + device + ' up')
  ip('address flush dev ' + device + ' scope global')
  for (const each of addresses) ip('address add ' + each + ' dev ' + device + ' nodad')
  for (const { to, via } of routes) ip('route replace ' + to + ' via ' + via + ' dev ' + device)
}
for (const [device, entry] of Object.entries(devices.ethernets)) address(device, entry)
for (const [bridge, entry] of Object.entries(devices.bridges)) {
  if (!existsSync('/sys/class/net/' + bridge)) ip('link add ' + bridge + ' type bridge')
  ip('link set ' + bridge + ' address ' + entry.macaddress)
  for (const each of entry.interfaces) ip('link set ' + each + ' master ' + bridge)
  address(bridge, entry)
}
`

/** A profile is a file of \`setting:value\`, in memory or on the disk; its id is its uuid. */
const nmcli = `#!/bin/sh
memory=/run/profiles disk=/etc/NetworkManager/system-connections active=/run/active
mkdir -p $memory $disk $active
value() { sed -n "s/^$2://p" "$1" | tr -d ,; }
activate() {
  file=$(ls "$memory/$1" "$disk/$1" 2>/dev/null | head -n 1)
  [ -n "$file" ] || exit 10
  device=$(value "$file" ifname)
  case $(value "$file" type) in
    bridge-slave)
      (activate "vmwright-$(value "$file" master)")
      ip address flush dev "$device" scope global
      ip link set "$device" master "$(value "$file" master)"
      ip link set "$device" up ;;
    *)
      if [ "$(value "$file" type)" = bridge ] && [ ! -e "/sys/class/net/$device" ]; then
        ip link add "$device" address "$(value "$file" bridge.mac-address)" type bridge
      fi
      ip link set "$device" nomaster 2>/dev/null
      ip link set "$device" up
      ip address flush dev "$device" scope global
      for each in $(value "$file" ipv4.addresses) $(value "$file" ipv6.addresses); do
        ip address add "$each" dev "$device" nodad
      done
      ip route replace default via "$(value "$file" ipv4.gateway)" dev "$device" ;;
  esac
  echo "$1" >"$active/$device"
}
case "$*" in
  '-e no -g GENERAL.CON-UUID device show '*) cat "$active/$7" ;;
  '-e no -g GENERAL.STATE device show '*) echo '100 (connected)' ;;
  '-e no -t -f '*' connection show uuid '*) cat "$disk/$9" ;;
  'connection add save no type '*)
    printf 'type:%s\\n' "$6" >"$memory/$8"
    file=$memory/$8; shift 8
    while [ $# -gt 0 ]; do printf '%s:%s\\n' "$1" "$2"; shift 2; done >>"$file" ;;
  'connection modify id '*) [ ! -f "$memory/$4" ] || mv "$memory/$4" "$disk/$4" ;;
  'connection delete id '*) [ -f "$memory/$4" ] || [ -f "$disk/$4" ] || exit 10; rm -f "$memory/$4" "$disk/$4" ;;
  '--wait '*) activate "$6" ;;
  restart) for each in "$disk"/*-port "$disk"/lan; do [ ! -f "$each" ] || { activate "\${each##*/}"; break; }; done ;;
esac
`

export const standIns = { networkctl, netplan, nmcli } as const
