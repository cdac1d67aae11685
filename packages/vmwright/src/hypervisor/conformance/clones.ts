import { expect, it } from 'vitest'
import { uuidFromNames } from '../../lib/hash.ts'
import { GiB } from '../../lib/units.ts'
import type { DiskClone } from '../disks.ts'
import { emptyDisk, expectCode, rootOf, type Suite } from './suite.ts'

export function describeClones(suite: () => Suite): void {
  /** A disk of 1 GiB in the suite's pool, and what is needed to clone it. */
  const template = async (
    what: string,
    format: 'qcow2' | 'raw' = 'qcow2',
  ): Promise<Pick<DiskClone, 'from'> & { readonly path: string }> => {
    const { host, progress, volume, poolPath } = suite()
    const ref = volume(what)
    await host.createDisk(progress, { ...emptyDisk(ref, GiB), format })
    const path = `${poolPath}/${ref.name}`
    return { from: { path, format }, path }
  }
  const plain = { sizeBytes: undefined, workspace: undefined, existing: 'replace' } as const

  it.each([
    ['auto', 'qcow2'],
    ['copy', 'qcow2'],
    ['copy', 'raw'],
    ['overlay', 'qcow2'],
    ['overlay', 'raw'],
  ] as const)('T1: a clone (%s of %s) is a volume as large as its template', async (mode, format) => {
    const { host, progress, volume, findVolume, observePool } = suite()
    const { from, path } = await template(`template-${mode}.${format}`, format)
    const clone = { ...volume(`clone-${mode}.${format}`), from, mode, ...plain }
    const before = (await observePool()).volumes.length
    await host.cloneDisk(progress, clone)
    await host.cloneDisk(progress, clone)
    expect(await findVolume(clone)).toMatchObject({
      capacityBytes: GiB,
      format: mode === 'overlay' ? 'qcow2' : format,
      backingPath: mode === 'overlay' ? path : undefined,
    })
    expect((await observePool()).volumes).toHaveLength(before + 1)
  })

  it.each(['copy', 'overlay'] as const)('T1: a clone (%s) may be larger, not smaller', async (mode) => {
    const { host, progress, volume, findVolume } = suite()
    const { from } = await template(`template-size-${mode}`)
    const clone = { ...volume(`clone-size-${mode}`), from, mode, ...plain }
    await host.cloneDisk(progress, { ...clone, sizeBytes: 3 * GiB })
    expect(await findVolume(clone)).toMatchObject({ capacityBytes: 3 * GiB })
    const smaller = { ...clone, ...volume(`clone-small-${mode}`), sizeBytes: GiB / 2 }
    await expectCode(host.cloneDisk(progress, smaller), 'disk.shrink-refused', smaller.name)
    expect(await findVolume(smaller)).toBeUndefined()
  })

  it('T1: `keep` leaves an existing clone, and refuses what is none', async () => {
    const { host, progress, volume, findVolume } = suite()
    const { from } = await template('template-kept')
    const clone = { ...volume('clone-kept'), from, mode: 'copy', ...plain, existing: 'keep' } as const
    await host.cloneDisk(progress, clone)
    const first = await findVolume(clone)
    await host.cloneDisk(progress, clone)
    expect(await findVolume(clone)).toEqual(first)
    await expectCode(host.cloneDisk(progress, { ...clone, mode: 'overlay' }), 'disk.conflict', clone.name)
  })

  it('T2: a copy goes through the workspace, which is then emptied and removed', async () => {
    const { host, progress, volume, findVolume, poolPath } = suite()
    const { from } = await template('template-workspace')
    const workspace = `${poolPath}-workspace`
    const clone = { ...volume('clone-workspace'), from, mode: 'copy', ...plain, workspace } as const
    await host.cloneDisk(progress, clone)
    expect(await findVolume(clone)).toBeDefined()
    const look = async () =>
      (await host.files.inspect(progress, [workspace], { sha256: false })).map(({ kind }) => kind)
    expect(await look()).toEqual(['folder'])
    await host.files.emptyWorkspace(progress, workspace)
    await host.files.emptyWorkspace(progress, workspace)
    expect(await look()).toEqual(['missing'])
  })

  it('T1: a template that is missing is an error with its path, and nothing is made', async () => {
    const { host, progress, volume, findVolume, poolPath } = suite()
    const path = `${poolPath}/no such file`
    const clone = { ...volume('clone-of-none'), from: { path, format: 'qcow2' as const }, ...plain }
    for (const mode of ['copy', 'overlay'] as const) {
      await expectCode(host.cloneDisk(progress, { ...clone, mode }), undefined, path)
      expect(await findVolume(clone)).toBeUndefined()
    }
  })

  it('T8: files are told in the order they were asked for, with what identifies their content', async () => {
    const { host, progress, poolPath } = suite()
    const { path } = await template('template-inspected')
    const asked = [`${poolPath}/none`, path, poolPath]
    const [none, file, folder] = await host.files.inspect(progress, asked, { sha256: true })
    expect(none).toMatchObject({ path: asked[0], kind: 'missing', realPath: asked[0], sha256: undefined })
    expect(folder).toMatchObject({ kind: 'folder' })
    expect(file).toMatchObject({ path, kind: 'file', realPath: path })
    expect(Buffer.from(file?.head.subarray(0, 4) ?? []).toString('latin1')).toBe('QFI\xfb')
    expect(file?.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(await host.files.inspect(progress, asked, { sha256: true })).toEqual([none, file, folder])
  })

  it('T1: a protected disk keeps its machine from starting until it is released with its own mode', async () => {
    const { host, progress, machine, poolPath } = suite()
    const vm = await machine('protected')
    const path = `${poolPath}/${rootOf(vm).name}`
    const mode = async () => (await host.files.inspect(progress, [path], { sha256: false }))[0]?.mode
    const before = await mode()
    await host.files.release(progress, [path])
    expect(await mode()).toBe(before)
    await host.files.protect(progress, [path])
    await host.files.protect(progress, [path])
    expect((await mode()) ?? 0).toBe((before ?? 0) & ~0o222)
    await expectCode(host.startVm(progress, vm.name), undefined, vm.name)
    await host.files.release(progress, [path])
    await host.files.release(progress, [path])
    expect(await mode()).toBe(before)
    await host.startVm(progress, vm.name)
    const { from } = { from: { path, format: 'qcow2' as const } }
    const clone = { ...suite().volume('clone-of-running'), from, mode: 'copy', ...plain } as const
    await expectCode(host.cloneDisk(progress, clone), 'host.busy', path)
    await host.stopVm(progress, vm.name, 'force')
    await host.undefineVm(progress, vm.name)
  })

  it.each(['bios', 'uefi'] as const)(
    'T1: a machine on the basis of a %s one has its devices and is another',
    async (firmware) => {
      const { host, progress, machine, findVm, volume, name, poolPath } = suite()
      if (firmware === 'uefi' && !host.can.uefi) return
      const basis = await machine(`basis-${firmware}`, { firmware, vcpus: 2, memoryMib: 96 })
      const root = volume(`based-${firmware}.qcow2`)
      const from = { path: `${poolPath}/${rootOf(basis).name}`, format: 'qcow2' as const }
      await host.cloneDisk(progress, { ...root, from, mode: 'copy', ...plain })
      const id = uuidFromNames('conformance', name(`based-${firmware}`))
      const definition = {
        ...basis,
        name: name(`based-${firmware}`),
        basis: basis.name,
        id,
        mark: {
          ...basis.mark,
          image: { kind: 'template', id: basis.name, digest: 'd' },
          volumes: [{ ...root, role: 'root', device: 'vda' }],
        },
        memoryMib: 64,
        firmware: 'bios',
        machine: 'pc',
        disks: [{ volume: root, device: 'vdz', format: 'qcow2' }],
        seed: undefined,
        interfaces: basis.interfaces.map(({ network }) => ({ mac: '52:54:00:ba:51:55', network })),
      } as const
      await host.defineVm(progress, definition)
      const seen = await findVm(definition.name)
      expect(seen).toMatchObject({
        id,
        state: 'stopped',
        mark: definition.mark,
        vcpus: 2,
        memoryMib: 64,
        firmware,
        interfaces: definition.interfaces,
      })
      expect(seen?.machine).toContain('q35')
      expect(seen?.disks.filter(({ path }) => path !== undefined)).toEqual([
        { device: 'vda', path: `${poolPath}/${root.name}`, kind: 'disk', format: 'qcow2' },
      ])
      await host.defineVm(progress, definition)
      expect(await findVm(definition.name)).toEqual(seen)
      await host.defineVm(progress, { ...definition, vcpus: 1 })
      expect(await findVm(definition.name)).toEqual({ ...seen, vcpus: 1 })
    },
  )
}
