import { buildImage } from './build/build.ts'
import { chooseAptSources, chooseSubstitute } from './build/apt-sources.ts'
import { aptSourcesOfBundle, aptSourcesOfMachine } from './build/machine-apt.ts'
import { debianArchitecture } from './build/platform.ts'
import { type BuildRecipe, makeRecipe } from './build/recipe.ts'
import type { BuildImage, BuildSource } from './ensure.ts'

/**
 * Builds images from distribution packages on this machine, under the package sources that it has. The packages come
 * from a bundle (`make deps-bundle`) when there is one with the suite; the image is the same.
 */
export const buildFromPackages: BuildImage = Object.assign(
  async (progress: Parameters<BuildImage>[0], source: BuildSource, path: string): Promise<void> => {
    // A bundle has the packages of the machine that it was made for.
    const isOwn = debianArchitecture(source.architecture) === debianArchitecture(undefined)
    const file = isOwn ? await aptSourcesOfBundle() : undefined
    const substitute = chooseSubstitute(source, file)
    if (substitute !== undefined) progress.report({ what: `packages come from ${file?.name}` })
    await buildImage(progress, await recipeOf(source), { path, substitute })
  },
  { inputsDigest: async (source: BuildSource): Promise<string> => (await recipeOf(source)).inputsDigest },
)

async function recipeOf({
  distribution,
  suite,
  architecture: machine,
  mirror,
  extraPackages,
  sizeMib,
}: BuildSource): Promise<BuildRecipe> {
  const architecture = debianArchitecture(machine)
  const spec = { distribution, suite, architecture, mirror, extraPackages, sizeMib } as const
  return makeRecipe(spec, chooseAptSources(spec, await aptSourcesOfMachine()))
}
