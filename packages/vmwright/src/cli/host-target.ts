import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { openHost, openSystem } from '../compose.ts'
import type { HostServices } from '../engine/host-check.ts'
import { specOfHost } from '../host/local-host.ts'
import { ProvisionError } from '../lib/errors.ts'
import { hintForUnknown } from '../spec/nearest.ts'
import type { HostSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { CliContext } from './context.ts'
import { load } from './load.ts'
import { isDefaultFile, type SpecOptions } from './options.ts'

export interface HostOptions extends SpecOptions {
  /** In place of a spec. */
  readonly hostUri?: string
}

export interface HostTarget {
  readonly spec: ResolvedSpec
  readonly hosts: readonly HostSpec[]
}

export const hostServices: HostServices = { openHost, openSystem }

/**
 * The hosts that a command about hosts is for: that of `--host-uri`, else those named of the spec, else all of it, and
 * without a spec this machine. Throws `spec.unknown-name`, `usage.invalid`, and what loading throws.
 */
export async function hostTarget(
  context: CliContext,
  names: readonly string[],
  options: HostOptions,
): Promise<HostTarget> {
  const isWithoutSpec =
    isDefaultFile(options) &&
    !existsSync(resolve(context.currentDirectory, options.file)) &&
    names.length === 0
  const uri = options.hostUri ?? (isWithoutSpec ? 'qemu:///system' : undefined)
  if (uri === undefined) {
    const { spec } = await load(context, options)
    return { spec, hosts: hostsNamed(spec, names) }
  }
  if (names.length > 0 || !URL.canParse(uri))
    throw new ProvisionError('usage.invalid', {
      message:
        names.length > 0
          ? 'Hosts of the spec and `--host-uri` exclude each other.'
          : `${uri} is not the URI of a host.`,
      hint: 'Write it as libvirt does: qemu:///system, qemu+ssh://root@rack1/system.',
    })
  const spec = specOfHost(uri)
  return { spec, hosts: spec.hosts }
}

/** Those named, else all. Throws `spec.unknown-name`. */
export function hostsNamed(spec: ResolvedSpec, names: readonly string[]): readonly HostSpec[] {
  const known = spec.hosts.map((host) => host.name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new ProvisionError('spec.unknown-name', {
      message: `${spec.file} has no host ${unknown}.`,
      hint: hintForUnknown(unknown, known),
    })
  return names.length === 0 ? spec.hosts : spec.hosts.filter((host) => names.includes(host.name))
}
