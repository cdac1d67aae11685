import { Progress } from '../../lib/progress.ts'
import { realSeam } from '../../lib/seam.ts'
import type { ImageSource } from '../../spec/resolved.ts'
import { ensureImage } from '../ensure.ts'
import { contextIn, imageOf } from './setup.ts'

/** Run as a process of its own: `CACHE-FOLDER SOURCE-AS-JSON` → the cached image as JSON. */
const [cacheDir = '', source = ''] = process.argv.slice(2)
const result = await ensureImage(
  new Progress(realSeam()),
  imageOf(JSON.parse(source) as ImageSource),
  contextIn(cacheDir),
)
process.stdout.write(JSON.stringify(result))
