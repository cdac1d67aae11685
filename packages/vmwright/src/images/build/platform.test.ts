import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { builtName } from '../peek.ts'
import { buildSource } from '../testing/build-source.ts'
import { requireExecutable } from './foreign.ts'
import { debianArchitecture } from './platform.ts'
import { type ImageBuildSpec, makeRecipe } from './recipe.ts'

const spec: ImageBuildSpec = {
  distribution: 'debian',
  suite: 'bookworm',
  architecture: 'arm64',
  mirror: undefined,
  extraPackages: [],
  sizeMib: 2048,
}
const sources = ['deb http://deb.debian.org/debian bookworm main']

describe('an image for another architecture', () => {
  const recipe = makeRecipe(spec, sources)
  const fileAt = (path: string): string => recipe.lateFiles.find((file) => file.path === path)?.content ?? ''

  it('G7: starts by UEFI alone, and speaks on the serial line that it has', () => {
    expect(recipe.table.partitions.map(({ number }) => number)).toEqual([1, 15])
    expect(recipe.lateFiles.map(({ path }) => path)).not.toContain('/boot/grub/i386-pc/load.cfg')
    expect(recipe.hooks.customize).not.toContain('i386-pc')
    expect(recipe.hooks.customize).toContain('"$root/boot/efi/EFI/BOOT/BOOTAA64.EFI"')
    expect(fileAt('/boot/grub/grub.cfg')).toContain('console=ttyAMA0,115200')
    expect(JSON.stringify(recipe)).not.toMatch(/ttyS0|x86_64|x64/)
  })

  it('G7: takes its kernel and its signed boot loader', () => {
    expect(recipe.packages).toEqual(
      expect.arrayContaining(['linux-image-cloud-arm64', 'grub-efi-arm64-signed', 'shim-signed']),
    )
  })

  it('G7: shares no identity with that for this one', () => {
    const own = makeRecipe({ ...spec, architecture: 'amd64' }, sources)
    expect([own.inputsDigest, own.ids.root]).not.toContain(recipe.inputsDigest)
    expect(own.ids.root).not.toBe(recipe.ids.root)
  })

  it('G7: lies beside it in the cache', () => {
    expect(builtName(buildSource)).toBe('debian-bookworm.qcow2')
    expect(builtName({ ...buildSource, architecture: 'aarch64' })).toBe('debian-bookworm-aarch64.qcow2')
  })
})

it.each([
  [undefined, 'x64', 'amd64'],
  [undefined, 'arm64', 'arm64'],
  ['x86_64', 'arm64', 'amd64'],
  ['aarch64', 'x64', 'arm64'],
] as const)('G7: %s on a machine of %s is %s', (machine, own, debian) =>
  expect(debianArchitecture(machine, own)).toBe(debian),
)

it.each([
  ['riscv64', 'x64'],
  [undefined, 'riscv64'],
])('G7: images are not built for %s on %s, and the hint tells for what', (machine, own) => {
  expect(() => debianArchitecture(machine, own)).toThrow(
    expect.objectContaining({ code: 'image.build-failed', hint: expect.stringContaining('aarch64') }),
  )
})

it('G7: programs that cannot be started here are known before the build', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'binfmt-'))
  const options = { own: 'x64', folder }
  try {
    await requireExecutable('amd64', options)
    await expect(requireExecutable('arm64', options)).rejects.toMatchObject({ code: 'image.build-failed' })
    await writeFile(join(folder, 'qemu-aarch64'), 'disabled\ninterpreter /usr/bin/qemu-aarch64\n')
    await expect(requireExecutable('arm64', options)).rejects.toMatchObject({ code: 'image.build-failed' })
    await writeFile(join(folder, 'qemu-aarch64'), 'enabled\ninterpreter /usr/bin/qemu-aarch64\n')
    await requireExecutable('arm64', options)
  } finally {
    await rm(folder, { recursive: true })
  }
})
