import type { Importer } from './importer.ts'
import { cloudImages } from './cloud-images.ts'
import { clusters } from './clusters.ts'
import { guestLifecycle } from './guest-lifecycle.ts'
import { hyperV } from './hyper-v.ts'
import { templateClones } from './template-clones.ts'

/** All systems whose files are known. */
export const importers: readonly Importer[] = [cloudImages, clusters, guestLifecycle, hyperV, templateClones]
