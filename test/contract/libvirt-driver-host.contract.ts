import { calls, openLibvirt, type Libvirt } from '@vmwright/libvirt'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLibvirtHost } from '../../packages/vmwright/src/hypervisor/libvirt/host.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam, type Effect, type Seam } from '../../packages/vmwright/src/lib/seam.ts'
import { hostSpec, names, uri } from './libvirt-driver-host.ts'

/** A real seam that remembers what changed something. */
function recordingSeam(): Seam & { readonly mutations: readonly Effect[] } {
  const mutations: Effect[] = []
  const seam = realSeam({ before: (effect, ordinal) => void (ordinal > 0 && mutations.push(effect)) })
  return { ...seam, mutations }
}

describe('KVM is found by trying', () => {
  let cache: string
  let before: string | undefined
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'vmwright-cache-'))
    before = process.env['XDG_CACHE_HOME']
    process.env['XDG_CACHE_HOME'] = cache
  })
  afterEach(async () => {
    if (before === undefined) delete process.env['XDG_CACHE_HOME']
    else process.env['XDG_CACHE_HOME'] = before
    await rm(cache, { recursive: true, force: true })
  })

  const probe = async (acceleration: 'require-kvm' | 'prefer-kvm' | 'emulate') => {
    const seam = recordingSeam()
    const progress = new Progress(seam)
    const host = await openLibvirtHost(progress, hostSpec({ acceleration }))
    try {
      return { outcome: await host.probeAcceleration(progress), mutations: seam.mutations }
    } catch (error) {
      return { outcome: error, mutations: seam.mutations }
    } finally {
      await host.close()
    }
  }

  it('once for a boot; nothing is left of the trial; requiring it fails where preferring it falls back', async () => {
    const first = await probe('prefer-kvm')
    expect(['kvm', 'emulation']).toContain(first.outcome)
    expect(await names(['list', '--all', '--name'], 'vmwright-kvm-trial')).toEqual([])
    expect(await probe('prefer-kvm')).toEqual({ outcome: first.outcome, mutations: [] })
    const required = await probe('require-kvm')
    expect(required).toMatchObject(
      first.outcome === 'kvm'
        ? { outcome: 'kvm' }
        : { outcome: { code: 'host.no-acceleration' }, mutations: [] },
    )
  })

  it('and is not tried where emulation is asked for', async () => {
    expect(await probe('emulate')).toEqual({ outcome: 'emulation', mutations: [] })
  })
})

describe("libvirt's test driver", () => {
  const socket = /socket=[^&]+/.exec(uri)?.[0]
  const testUri = `test:///default${socket === undefined ? '' : `?${socket}`}`
  const count = 500
  let libvirt: Libvirt
  beforeEach(async () => {
    libvirt = await openLibvirt(testUri)
    for (let index = 0; index < count; index++) {
      const xml = `<domain type='test'><name>scale-${index}</name><memory>65536</memory><os><type>hvm</type></os></domain>`
      await libvirt.call(calls.domainDefineXmlFlags, { xml })
    }
  })
  afterEach(() => libvirt.close())

  it('C16: five hundred machines are seen with one call each, and nothing is changed', async () => {
    const seam = recordingSeam()
    const progress = new Progress(seam)
    const effects: string[] = []
    const counting: Seam = {
      ...seam,
      effect: (effect, run) => {
        effects.push(effect.kind)
        return seam.effect(effect, run)
      },
    }
    const host = await openLibvirtHost(new Progress(counting), hostSpec({ uri: testUri }))
    const { vms, networks, pools } = await host.observe(new Progress(counting))
    expect(vms.filter(({ name }) => name.startsWith('scale-'))).toHaveLength(count)
    expect(vms.find(({ name }) => name === 'test')).toMatchObject({ state: 'running', mark: undefined })
    expect(networks).toMatchObject([{ name: 'default', active: true, subnets: ['192.168.122.0/24'] }])
    expect(pools).toMatchObject([{ name: 'default-pool', active: true }])
    expect(effects.length).toBeLessThan(count + 50)
    expect(seam.mutations).toEqual([])
    expect(host.can).toMatchObject({ uefi: false, guestAgent: false, stoppedSnapshot: { bios: 'none' } })
    expect(await host.guest('test').state(progress)).toBe('running')
    await host.close()
  })
})

describe('a host that cannot be reached', () => {
  it.each([
    ['qemu:///system?socket=/nonexistent', 'does not exist'],
    ['qemu:///system?command=id', 'command'],
  ])('%s is an error with its URI', async (uri, words) => {
    const opening = openLibvirtHost(new Progress(realSeam()), hostSpec({ uri }))
    await expect(opening).rejects.toMatchObject({
      code: 'host.unreachable',
      message: expect.stringContaining(words),
      details: { host: 'test', uri },
    })
  })
})
