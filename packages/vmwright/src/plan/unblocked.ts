import type { Plan } from './plan.ts'

/** Instances with something to do that no error speaks against, neither theirs nor their host's. */
export function unblockedInstances({ changes, findings }: Plan): readonly string[] {
  const blocked = new Set(
    findings.filter((finding) => finding.severity === 'error').map((finding) => finding.object),
  )
  return changes
    .filter(({ action }) => action !== 'none' && action !== 'blocked')
    .filter(({ instance, host }) => !blocked.has(`instance ${instance}`) && !blocked.has(`host ${host}`))
    .map(({ instance }) => instance)
}
