import { statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { directoriesOf } from '../lib/directories.ts'

/**
 * Where the program starts. Node keeps the compiled form of the modules from one run to the next, which must be
 * asked for before they are loaded. A folder of somebody else is left alone: what stands in it is run.
 */
const folder = join(directoriesOf(process.env, homedir()).cache, 'compiled')
const owner = statSync(folder, { throwIfNoEntry: false })?.uid
if (owner === undefined || owner === process.getuid?.()) enableCompileCache(folder)

await import('./main.ts')
