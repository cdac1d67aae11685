import type { Progress } from '../../lib/progress.ts'
import type { InputFiles } from '../input-files.ts'

export async function collectAnsible(
  progress: Progress,
  path: string,
  files: InputFiles,
  folder: string | undefined,
): Promise<void> {
  await files.add(progress, folder ?? path, 'in the folder of phases')
}
