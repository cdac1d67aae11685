import { describe, expect, it } from 'vitest'
import { type ImageBuildSpec, makeRecipe } from './recipe.ts'

const spec: ImageBuildSpec = {
  distribution: 'debian',
  suite: 'bookworm',
  architecture: 'amd64',
  mirror: undefined,
  extraPackages: ['jq', 'htop'],
  sizeMib: 2048,
}
const sources = ['deb http://deb.debian.org/debian bookworm main']

describe('a recipe', () => {
  it('X7: is equal for equal requests, whatever the order of the extra packages', () => {
    expect(makeRecipe({ ...spec, extraPackages: ['htop', 'jq'] }, sources)).toEqual(makeRecipe(spec, sources))
  })

  it.each<[string, Partial<ImageBuildSpec>, readonly string[]]>([
    ['suite', { suite: 'trixie' }, sources],
    ['size', { sizeMib: 4096 }, sources],
    ['extra packages', { extraPackages: [] }, sources],
    ['sources', {}, ['deb http://mirror.example/debian bookworm main']],
  ])('X7: has another digest and other identities when the %s differ', (_what, change, from) => {
    const [a, b] = [makeRecipe(spec, sources), makeRecipe({ ...spec, ...change }, from)]
    expect(a.inputsDigest).not.toBe(b.inputsDigest)
    expect(a.ids.root).not.toBe(b.ids.root)
    expect(a.table.diskGuid).not.toBe(b.table.diskGuid)
  })

  it('X7: names the root file system by one identity wherever it is looked for', () => {
    const recipe = makeRecipe(spec, sources)
    const naming = [...recipe.earlyFiles, ...recipe.lateFiles].filter((file) =>
      file.content.includes(recipe.ids.root),
    )
    expect(naming.map((file) => file.path).toSorted()).toEqual([
      '/boot/efi/EFI/debian/grub.cfg',
      '/boot/grub/grub.cfg',
      '/boot/grub/i386-pc/load.cfg',
      '/etc/fstab',
    ])
  })

  it('X7: lays the root file system last, so that it can grow, and overlaps nothing', () => {
    const { partitions, diskSectors } = makeRecipe(spec, sources).table
    const byPlace = partitions.toSorted((a, b) => a.firstSector - b.firstSector)
    expect(byPlace.map((one) => one.number)).toEqual([14, 15, 1])
    for (const [index, one] of byPlace.entries()) {
      expect(one.firstSector).toBeGreaterThan(byPlace[index - 1]?.lastSector ?? 33)
      expect(one.firstSector % 2048).toBe(0)
    }
    expect(byPlace.at(-1)?.lastSector).toBeLessThan(diskSectors - 33)
  })

  it.each([
    ['debian', 'bookworm', 'linux-image-cloud-amd64', true],
    ['ubuntu', 'noble', 'linux-image-virtual', true],
    ['ubuntu', 'jammy', 'linux-image-virtual', false],
  ] as const)(
    'X7: takes the kernel of %s %s, and its resolver where it is a package',
    (distribution, suite, kernel, resolver) => {
      const { packages } = makeRecipe({ ...spec, distribution, suite }, sources)
      expect(packages).toContain(kernel)
      expect(packages.includes('systemd-resolved')).toBe(resolver)
    },
  )

  it('X7: refuses a disk that cannot hold a system', () => {
    expect(() => makeRecipe({ ...spec, sizeMib: 512 }, sources)).toThrow(
      expect.objectContaining({ code: 'image.build-failed' }),
    )
  })
})
