import type { StepKind } from '../plan/steps.ts'

/** What a step's time is booked under, as the benchmark tables of older systems name it. */
export type TimingStage = (typeof timingStages)[number]

export const timingStages = [
  'preflight',
  'image-cache',
  'provision',
  'runtime',
  'cleanup',
  'ping',
  'other',
] as const

/** Every kind of step has its stage: a new one does not compile before it has one. */
const stageOfKind = {
  'ensure-pool': 'preflight',
  'start-network': 'preflight',
  'record-host': 'preflight',
  'ensure-network': 'preflight',
  'update-network': 'preflight',
  'apply-rules': 'preflight',
  'change-item': 'preflight',
  'make-bridge': 'preflight',
  'probe-acceleration': 'preflight',
  'repair-access': 'preflight',
  'fetch-image': 'image-cache',
  'place-image': 'image-cache',
  'define-vm': 'provision',
  'create-disk': 'provision',
  'shut-down-template': 'provision',
  'start-template': 'provision',
  'protect-template': 'provision',
  'release-template': 'provision',
  'empty-workspace': 'provision',
  'clone-disk': 'provision',
  'edit-disks': 'provision',
  'write-seed': 'provision',
  'grow-disk': 'provision',
  'set-autostart': 'provision',
  'mark-vm': 'provision',
  'adopt-vm': 'provision',
  'start-vm': 'runtime',
  'reattach-vm': 'runtime',
  'stop-vm': 'runtime',
  'await-ready': 'runtime',
  'seal-seed': 'runtime',
  'create-snapshot': 'runtime',
  'delete-snapshot': 'cleanup',
  'delete-volume': 'cleanup',
  'undefine-vm': 'cleanup',
  'remove-pool': 'cleanup',
  'remove-network': 'cleanup',
  'remove-rules': 'cleanup',
  'restore-item': 'cleanup',
  'remove-bridge': 'cleanup',
} as const satisfies Record<StepKind, TimingStage>

/** In a clean-up every step is part of it, also one that an apply has as well (`stop-vm`). */
export function stageOfStep(kind: string, command: string): TimingStage {
  if (command === 'destroy') return 'cleanup'
  return isStepKind(kind) ? stageOfKind[kind] : 'other'
}

const isStepKind = (kind: string): kind is StepKind => Object.hasOwn(stageOfKind, kind)
