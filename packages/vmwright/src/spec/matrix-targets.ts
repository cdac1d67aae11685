import type { InstanceDocument } from '@vmwright/contract'

/**
 * G7. Targets that every matrix has; an entry of the same name in `targets` lies over them. Machine, firmware and CPU
 * follow from the architecture, and where the host has it itself, nothing is emulated.
 */
export const builtInTargets: Readonly<Record<string, InstanceDocument>> = {
  amd64: { architecture: 'x86_64' },
  arm: { architecture: 'armv7l' },
  arm64: { architecture: 'aarch64' },
  ppc64: { architecture: 'ppc64le' },
}
