import { writeFile } from 'node:fs/promises'
import type { BuildImage } from '../ensure.ts'
import { qcow2 } from './qcow2-image.ts'

export const buildSource = {
  kind: 'build',
  distribution: 'debian',
  suite: 'bookworm',
  architecture: undefined,
  mirror: undefined,
  extraPackages: [],
  sizeMib: 1024,
} as const

/** Builds an empty image at once, with the manifest of its packages if one is given. */
export const instantBuild = (inputsDigest: string, manifest?: string): BuildImage =>
  Object.assign(
    async (_progress: unknown, _source: unknown, path: string) => {
      await writeFile(path, qcow2())
      if (manifest !== undefined) await writeFile(`${path}.json`, manifest)
    },
    { inputsDigest: () => Promise.resolve(inputsDigest) },
  )
