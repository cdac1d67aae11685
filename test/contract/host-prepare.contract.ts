import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  openTestHost,
  type TestHost,
  whyNoTestHost,
} from '../../packages/vmwright/src/hypervisor/libvirt/system/items/testing.ts'
import { type Ended, startProgram } from '../support/program.ts'

let host: TestHost
beforeEach(async ({ skip }) => {
  const why = whyNoTestHost() ?? (existsSync('/usr/bin/dpkg') ? undefined : 'the host is not of Debian')
  skip(why !== undefined, why)
  host = await openTestHost('own')
})
afterEach(() => host?.[Symbol.asyncDispose]())

const root = join(import.meta.dirname, '../..')

/** The program from its sources, in the second copy of this machine. */
const vmwright = (...words: readonly string[]): Promise<Ended> => {
  const [enter, ...way] = host.enter
  const script = 'cd /tmp && exec "$0" --conditions=source "$@"'
  const node = [join(root, 'node_modules/.bin/node'), join(root, 'packages/vmwright/src/cli/main.ts')]
  return startProgram(enter, [...way, 'sh', '-c', script, ...node, ...words], { cwd: '/tmp' }).ended
}

describe('vmwright host', () => {
  it(
    'K2: check, prepare, prepare again, restore: what was there is there again',
    { timeout: 120_000 },
    async () => {
      await host.sh('echo 0 >/proc/sys/net/ipv4/ip_forward; useradd -M vmw-e-user')
      await host.sh(
        `printf '%s\\n' 'version: 1' 'project: lab' 'hosts:' '  here:' '    uri: qemu:///system' '    acceleration: prefer-kvm' '    prepare:' '      users: [vmw-e-user]' '      sysctls: { net.ipv4.ip_default_ttl: "70" }' >/tmp/vmwright.yaml`,
      )
      const before = await host.changed()

      const checked = await vmwright('host', 'check', '--detailed-exitcode')
      expect(checked).toMatchObject({ code: 2, stderr: expect.not.stringContaining('error') })
      expect(checked.stdout).toMatch(/MISSING +sysctl net\.ipv4\.ip_forward +0, not 1/)
      expect(checked.stdout).toMatch(/MISSING +group libvirt: vmw-e-user +not a member/)
      expect(checked.stdout).toMatch(/Hardware virtualisation: /)
      const shown = await vmwright('host', 'prepare')
      expect(shown).toMatchObject({ code: 3, stderr: expect.stringContaining('--yes') })
      expect((await vmwright('host', 'prepare', '--check', '--detailed-exitcode')).code).toBe(2)
      expect(await host.changed()).toEqual(before)

      const prepared = await vmwright('host', 'prepare', '--yes')
      expect(prepared).toMatchObject({ code: 0, stdout: expect.stringContaining('Done.') })
      expect(
        await host.sh('cd /proc/sys/net/ipv4; cat ip_forward ip_default_ttl; id -nG vmw-e-user'),
      ).toMatch(/^1\n70\n.*\blibvirt\b/)
      expect(await vmwright('host', 'prepare', '--yes', '--detailed-exitcode')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Nothing to do'),
      })
      const events = await vmwright('host', 'restore', '--yes', '--json')
      expect(events).toMatchObject({ code: 0, stdout: expect.stringContaining('"kind":"step-finished"') })
      expect(JSON.parse(events.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
        kind: 'result',
        outcome: 'done',
      })
      expect(await host.changed()).toEqual(before)
      expect(await host.sh('cd /proc/sys/net/ipv4; cat ip_forward ip_default_ttl; id -nG vmw-e-user')).toBe(
        '0\n64\nvmw-e-user\n',
      )
      expect(await vmwright('host', 'restore', '--yes')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Nothing to do'),
      })
    },
  )
})
