import type { InstanceDocument } from '@vmwright/contract'

/**
 * G7. Targets that every matrix has; an entry of the same name in `targets` lies over them. Models of CPUs are those
 * that emulators run fastest. Machine and firmware follow from the architecture.
 */
export const builtInTargets: Readonly<Record<string, InstanceDocument>> = {
  amd64: { architecture: 'x86_64' },
  // The 32-bit emulator has no cortex-a57, which the 64-bit one would run in 64-bit mode.
  arm: { architecture: 'armv7l', cpu: 'cortex-a15' },
  arm64: { architecture: 'aarch64', cpu: 'cortex-a53' },
  ppc64: { architecture: 'ppc64le', cpu: 'power9' },
}
