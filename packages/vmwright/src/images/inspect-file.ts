import { open } from 'node:fs/promises'
import { ProvisionError } from '../lib/errors.ts'
import { declaredFormat, inspectedBytes, inspectImage } from './inspect.ts'

export interface AcceptedImage {
  readonly format: 'qcow2' | 'raw'
  readonly virtualSizeBytes: number
}

/** Inspects a file on disk; `name` is what it is called at its source. Throws `image.refused`. */
export async function requireAcceptable(path: string, name: string): Promise<AcceptedImage> {
  await using handle = await open(path, 'r')
  const { size } = await handle.stat()
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(inspectedBytes), 0, inspectedBytes, 0)
  const outcome = inspectImage(buffer.subarray(0, bytesRead), size, declaredFormat(name))
  if (outcome.kind === 'accepted') return outcome
  throw new ProvisionError('image.refused', {
    message: `The image ${name} is refused: ${outcome.reason}.`,
    ...(outcome.hint !== undefined && { hint: outcome.hint }),
    details: { path, name, reason: outcome.reason },
  })
}
