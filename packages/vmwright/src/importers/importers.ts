import type { Importer } from './importer.ts'

/** All systems whose files are known. */
export const importers: readonly Importer[] = []
