import type { AccessRequest, HostFiles } from '../hypervisor/host-files.ts'
import { messageOf, ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { explainDenied } from '../plan/access.ts'

/**
 * The cause of a guest that did not start for lack of permission, with the folder or the confinement that is in the
 * way; `undefined` when the failure is about something else, or when nobody can look. Throws on cancellation alone.
 */
export async function explainAccess(
  progress: Progress,
  files: HostFiles,
  failure: { readonly error: unknown; readonly request: () => Promise<AccessRequest> },
): Promise<ProvisionError | undefined> {
  const { error, request } = failure
  const text = messageOf(error)
  if (!/permission denied/i.test(text)) return undefined
  try {
    const found = explainDenied(text, await files.checkAccess(progress, await request()))
    if (found === undefined) return undefined
    return new ProvisionError('host.access-denied', {
      message: `${text.trimEnd().replace(/\.$/, '')}. ${found.message}`,
      hint: found.hint,
      ...(error instanceof ProvisionError ? { details: error.details } : {}),
      cause: error,
    })
  } catch {
    progress.check()
    return undefined
  }
}
