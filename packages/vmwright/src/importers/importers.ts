import type { Importer } from './importer.ts'
import { cloudImages } from './cloud-images.ts'
import { clusters } from './clusters.ts'
import { templateClones } from './template-clones.ts'

/** All systems whose files are known. */
export const importers: readonly Importer[] = [cloudImages, clusters, templateClones]
