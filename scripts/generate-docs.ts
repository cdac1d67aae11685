import { mkdirSync, writeFileSync } from 'node:fs'
import { specJsonSchema, specReference } from '@vmwright/contract'
import { errorPage } from './error-page.ts'

/** Writes the generated part of `docs/`: `node --conditions=source scripts/generate-docs.ts`. */
const folder = new URL('../docs/reference/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('spec.md', folder), specReference())
writeFileSync(new URL('vmwright.schema.json', folder), `${JSON.stringify(specJsonSchema(), null, 2)}\n`)
writeFileSync(new URL('../errors.md', folder), errorPage())
