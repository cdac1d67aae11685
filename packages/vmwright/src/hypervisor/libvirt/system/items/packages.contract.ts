import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Progress } from '../../../../lib/progress.ts'
import { realSeam } from '../../../../lib/seam.ts'
import type { HostItem, HostItems } from '../../../host/items.ts'
import { hostItems } from './items.ts'
import { openTestHost, type TestHost, whyNoTestHost } from './testing.ts'

const item: HostItem = { kind: 'package', name: 'vmw-tool' }

/** A repository of its own: a tool that takes its time to install, with two libraries; another tool needs one of them. */
const repository = `
mkdir /repository && cd /repository
package() {
  mkdir -p "$1/DEBIAN" "$1/usr/share/$1" "$1/etc"
  echo "$1" >"$1/usr/share/$1/file"
  echo "$1 = 1" >"$1/etc/$1.conf"
  echo "/etc/$1.conf" >"$1/DEBIAN/conffiles"
  { echo "Package: $1"; echo 'Version: 1'; echo 'Architecture: all'; echo 'Maintainer: nobody <nobody@example.org>'
    [ -z "$2" ] || echo "Depends: $2"; echo "Description: $1"; } >"$1/DEBIAN/control"
  printf '#!/bin/sh\\nsleep %s\\n' "\${3:-0}" >"$1/DEBIAN/postinst"
  chmod 755 "$1/DEBIAN/postinst"
  dpkg-deb --build --root-owner-group "$1" "$1.deb" >/dev/null
  { cat "$1/DEBIAN/control"; echo "Filename: ./$1.deb"; echo "Size: $(stat -c %s "$1.deb")"
    echo "SHA256: $(sha256sum "$1.deb" | cut -d ' ' -f 1)"; echo; } >>Packages
}
package vmw-tool vmw-library,vmw-shared 1
package vmw-other vmw-shared
package vmw-library ''
package vmw-shared ''
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/repository ./' >/etc/apt/sources.list`

let host: TestHost
let items: HostItems
beforeEach(async ({ skip }) => {
  const why = whyNoTestHost() ?? (existsSync('/usr/bin/apt-get') ? undefined : 'the host has no apt-get')
  skip(why !== undefined, why)
  host = await openTestHost('own')
  items = hostItems(host.shell)
  await host.sh(repository)
})
afterEach(() => host?.[Symbol.asyncDispose]())

const installed = () =>
  host.sh(
    "dpkg-query -W -f '${db:Status-Status} ${Package}\\n' 'vmw-*' 2>/dev/null | sed -n 's/^installed //p'",
  )
const restore = () => items.restore(host.progress, { item, atMs: 0, before: {} })

describe('packages of a host', () => {
  it('K2: installs a package, and takes it away with what it pulled in, to the byte', async () => {
    const before = await host.changed()
    expect((await items.inspect(host.progress, [item])).states).toMatchObject([
      { isSo: false, now: 'not installed', whyNot: undefined },
    ])
    await items.change(host.progress, item)
    expect((await items.inspect(host.progress, [item])).states).toMatchObject([{ isSo: true }])
    expect(host.said.join('\n')).toMatch(/package vmw-tool: Setting up vmw-tool/)
    expect((await items.changes(host.progress))[0]?.before).toMatchObject({
      state: '',
      pulled: expect.stringMatching(/^vmw-library:all\nvmw-shared:all$/),
    })
    await items.change(host.progress, item)
    expect(await restore()).toBe('done')
    expect(await installed()).toBe('')
    expect(await host.changed()).toEqual(before)
    expect(await restore()).toBe('already')
  })

  it('K2: leaves what others need by now, or have taken for their own', async () => {
    await items.change(host.progress, item)
    await host.sh('apt-get -qq -y install vmw-other')
    expect(await restore()).toBe('done')
    expect(await installed()).toBe('vmw-other\nvmw-shared\n')

    await items.change(host.progress, item)
    await host.sh('apt-mark manual vmw-library')
    expect(await restore()).toBe('done')
    expect(await installed()).toBe('vmw-library\nvmw-other\nvmw-shared\n')
  })

  it('K2: keeps a package that another one was built upon', async () => {
    const library: HostItem = { kind: 'package', name: 'vmw-shared' }
    await items.change(host.progress, library)
    await host.sh('apt-get -qq -y install vmw-other')
    expect(await items.restore(host.progress, { item: library, atMs: 0, before: {} })).toBe('kept')
    expect(await installed()).toBe('vmw-other\nvmw-shared\n')
  })

  it('K2: an installation goes on when its run is killed, and the next run waits for it', async () => {
    const kill = new AbortController()
    const cut = new Progress(realSeam(), {
      signal: kill.signal,
      report: ({ what }) => what.includes('Setting up vmw-tool') && kill.abort(new Error('killed')),
    })
    await expect(items.change(cut, item)).rejects.toThrow('killed')
    expect((await items.changes(host.progress))[0]?.before['pulled']).toBeUndefined()
    await items.change(host.progress, item)
    expect(host.said).toContain('package vmw-tool: waiting for another change of this host')
    expect((await items.changes(host.progress))[0]?.before['pulled']).toBe('vmw-library:all\nvmw-shared:all')
    expect(await restore()).toBe('done')
    expect(await installed()).toBe('')
  })

  it('K2: leaves the configuration of a package that was there before', async () => {
    await host.sh(
      'apt-get -qq update; apt-get -qq -y install vmw-tool; echo mine >>/etc/vmw-tool.conf; apt-get -qq -y --auto-remove remove vmw-tool',
    )
    await items.change(host.progress, item)
    expect(await restore()).toBe('done')
    expect(await host.sh('cat /etc/vmw-tool.conf')).toBe('vmw-tool = 1\nmine\n')
  })

  it('K2: says that a package is unknown, or that there is no network', async () => {
    await expect(items.change(host.progress, { ...item, name: 'vmw-none' })).rejects.toMatchObject({
      code: 'host.change-failed',
      details: { why: 'unknown' },
      message: expect.stringContaining('Unable to locate package vmw-none'),
    })
    await host.sh(
      'rm -r /var/lib/apt/lists/*; sed -i s,file:/repository,http://192.0.2.1, /etc/apt/sources.list',
    )
    await expect(items.change(host.progress, item)).rejects.toMatchObject({
      details: { why: 'network' },
      hint: expect.stringContaining('package repositories'),
      retryable: true,
    })
  })
})
