import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HostItem } from '../../../host/items.ts'
import { hostItems } from './items.ts'
import { openTestHost, type TestHost, whyNoTestHost } from './testing.ts'

/** Hosts of other kinds, played by programs that keep what they were told in files. */
let host: TestHost
beforeEach(async ({ skip }) => {
  const why = whyNoTestHost()
  skip(why !== undefined, why)
  host = await openTestHost('own')
})
afterEach(() => host?.[Symbol.asyncDispose]())

const program = (name: string, text: string): Promise<string> =>
  host.sh('printf "%s\\n" "#!/bin/sh" "$2" >"/usr/local/sbin/$1"; chmod 755 "/usr/local/sbin/$1"', name, text)
const items = () => hostItems(host.shell)
const stateOf = async (item: HostItem) => (await items().inspect(host.progress, [item])).states[0]
const restore = (item: HostItem) => items().restore(host.progress, { item, atMs: 0, before: {} })

const systemctl = `
unit() { for word; do case $word in -*) ;; *) echo "$word"; return ;; esac; done; }
verb= ; for word; do case $word in -*) ;; *) verb=$word; break ;; esac; done
while [ "$1" != "$verb" ]; do shift; done; shift
file() { echo "/var/tmp/units/$1"; }
case $verb in
  cat) [ -d "$(file "$1")" ] ;;
  is-enabled) cat "$(file "$1")/enabled" 2>/dev/null; grep -qs enabled "$(file "$1")/enabled" ;;
  is-active) cat "$(file "$1")/active" 2>/dev/null; grep -qsx active "$(file "$1")/active" ;;
  enable) for each; do echo enabled >"$(file "$each")/enabled"; done ;;
  disable) echo disabled >"$(file "$(unit "$@")")/enabled" ;;
  start) echo active >"$(file "$1")/active" ;;
  stop) echo inactive >"$(file "$1")/active" ;;
  show) for each; do case $each in *.service | *.socket)
    if [ -d "$(file "$each")" ]; then
      echo "LoadState=loaded"; echo "ActiveState=$(cat "$(file "$each")/active")"
      echo "UnitFileState=$(cat "$(file "$each")/enabled")"
    else printf 'LoadState=not-found\\nActiveState=inactive\\nUnitFileState=\\n'; fi
    echo ;; esac; done ;;
esac`

describe('a host with systemd', () => {
  it('K2: enables and starts a service by its socket, and makes both what they were', async () => {
    const item: HostItem = { kind: 'service', name: 'vmwd' }
    await host.sh(`mkdir -p /run/systemd/system
      for unit in vmwd.service vmwd.socket vmwd-ro.socket; do mkdir -p /var/tmp/units/$unit
        echo disabled >/var/tmp/units/$unit/enabled; echo inactive >/var/tmp/units/$unit/active; done
      echo enabled >/var/tmp/units/vmwd-ro.socket/enabled`)
    await program('systemctl', systemctl)
    const units = () => host.sh('cd /var/tmp/units; grep . */*')
    const before = await units()
    expect(await stateOf(item)).toMatchObject({ isSo: false, now: 'stopped, not started with the host' })
    await items().change(host.progress, item)
    expect(await stateOf(item)).toMatchObject({ isSo: true, now: 'running' })
    expect(await units()).toContain('vmwd.socket/active:active')
    expect(await units()).toContain('vmwd.service/active:inactive')
    await items().change(host.progress, item)
    expect(await restore(item)).toBe('done')
    expect(await units()).toBe(before)
    await expect(items().change(host.progress, { ...item, name: 'vmw-none' })).rejects.toMatchObject({
      message: expect.stringContaining('the host has no service vmw-none'),
    })
  })
})

const rpm = `
cd /var/tmp/rpms
case $1 in
  -qa) for each in *; do echo "$each.noarch"; done ;;
  -q) shift; format=; [ "$1" != --qf ] || { format=yes; shift 2; }
    for each; do if [ -e "$each" ]; then [ -z "$format" ] || echo "have $each installed"
      else echo "package $each is not installed"; missing=1; fi; done; exit \${missing:-0} ;;
  -e) shift 2
    for file in *; do case " $* " in *" $file.noarch "*) continue ;; esac
      for need in $(cat "$file"); do case " $* " in *" $need.noarch "*) exit 1 ;; esac; done; done ;;
esac`
const dnf = `
case $2 in
  install) for each; do :; done; echo "Installing $each"
    [ "$each" = tool ] || { echo "No match for argument: $each"; exit 1; }
    : >/var/tmp/rpms/library; echo library >/var/tmp/rpms/tool ;;
  remove) [ "$3" = --noautoremove ] || exit 1; shift 3
    for each; do rm "/var/tmp/rpms/\${each%.noarch}"; done ;;
esac`

describe('a host with dnf', () => {
  beforeEach(async () => {
    await host.sh(
      'rm -f /usr/bin/apt-get /usr/bin/dpkg-query; mkdir /var/tmp/rpms; : >/var/tmp/rpms/glibc; mkdir -p /usr/local/sbin',
    )
    await program('rpm', rpm)
    await program('dnf', dnf)
  })
  const item: HostItem = { kind: 'package', name: 'tool' }
  const installed = () => host.sh('ls /var/tmp/rpms')

  it('K2: installs a package, and takes it away with what it pulled in', async () => {
    expect(await stateOf(item)).toMatchObject({ isSo: false, whyNot: undefined })
    await items().change(host.progress, item)
    expect(await stateOf(item)).toMatchObject({ isSo: true })
    expect(await installed()).toBe('glibc\nlibrary\ntool\n')
    expect(host.said).toContain('package tool: Installing tool')
    expect(await restore(item)).toBe('done')
    expect(await installed()).toBe('glibc\n')
  })

  it('K2: leaves a library that another package needs by now', async () => {
    await items().change(host.progress, item)
    await host.sh('echo library >/var/tmp/rpms/other')
    expect(await restore(item)).toBe('done')
    expect(await installed()).toBe('glibc\nlibrary\nother\n')
  })

  it('K2: says that a package is unknown', async () => {
    await expect(items().change(host.progress, { ...item, name: 'none' })).rejects.toMatchObject({
      details: { why: 'unknown' },
      message: expect.stringContaining('No match for argument: none'),
    })
  })
})
