import type { HostFile } from '../hypervisor/host-files.ts'

/** What is known about a template's disk files on a host. */
export interface TemplateFacts {
  /** By path as asked for: the disks of the machine and those that the spec lists. Empty where there is no shell. */
  readonly files: ReadonlyMap<string, HostFile>
  /** Of the machine's disks; `undefined` while one of them cannot be read. */
  readonly identity: string | undefined
  /** T8. All checks were passed by what it still is. */
  readonly validated: 'now' | 'earlier'
  /** vmwright shut it down to clone it and has not yet started it again. */
  readonly restartDue: boolean
}
