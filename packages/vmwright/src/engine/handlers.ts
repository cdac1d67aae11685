import type { Progress } from '../lib/progress.ts'
import type { Step, StepKind } from '../plan/plan.ts'
import type { RunContext } from './context.ts'
import { cloneDisk, emptyWorkspace, repairAccess } from './steps/clones.ts'
import { adoptVm, defineVm, markVm, setAutostart } from './steps/definition.ts'
import { createDisk, deleteVolume, growDisk } from './steps/disks.ts'
import { editDisks } from './steps/edit-disks.ts'
import {
  applyRules,
  ensureNetwork,
  reattachVm,
  removeNetwork,
  removeRules,
  updateNetwork,
} from './steps/networks.ts'
import { changeItem, makeBridge, recordHost, removeBridge, restoreItem } from './steps/system.ts'
import { awaitReadyStep, startVm, stopVm, undefineVm } from './steps/power.ts'
import { sealSeed, writeSeed } from './steps/seed.ts'
import {
  ensurePool,
  fetchImage,
  placeImage,
  probeAcceleration,
  removePool,
  startNetwork,
} from './steps/shared.ts'
import { createSnapshot, deleteSnapshot } from './steps/snapshots.ts'
import { protectTemplate, releaseTemplate, shutDownTemplate, startTemplate } from './steps/templates.ts'

export type StepOf<K extends StepKind> = Extract<Step, { readonly kind: K }>
export type Handler<K extends StepKind> = (
  progress: Progress,
  step: StepOf<K>,
  context: RunContext,
) => Promise<void>

const minutes = (count: number): number => count * 60_000

/**
 * How each kind of step is done, and how long it may take. A step may be repeated: it looks before it makes, or
 * makes what replaces what was there.
 */
const handlers: { readonly [K in StepKind]: { readonly run: Handler<K>; readonly timeoutMs: number } } = {
  'fetch-image': { run: fetchImage, timeoutMs: minutes(120) },
  'place-image': { run: placeImage, timeoutMs: minutes(60) },
  'ensure-pool': { run: ensurePool, timeoutMs: minutes(2) },
  'start-network': { run: startNetwork, timeoutMs: minutes(2) },
  'record-host': { run: recordHost, timeoutMs: minutes(2) },
  'ensure-network': { run: ensureNetwork, timeoutMs: minutes(2) },
  'update-network': { run: updateNetwork, timeoutMs: minutes(5) },
  'remove-network': { run: removeNetwork, timeoutMs: minutes(2) },
  'reattach-vm': { run: reattachVm, timeoutMs: minutes(2) },
  'apply-rules': { run: applyRules, timeoutMs: minutes(2) },
  'remove-rules': { run: removeRules, timeoutMs: minutes(2) },
  'change-item': { run: changeItem, timeoutMs: minutes(30) },
  'restore-item': { run: restoreItem, timeoutMs: minutes(30) },
  'make-bridge': { run: makeBridge, timeoutMs: minutes(10) },
  'remove-bridge': { run: removeBridge, timeoutMs: minutes(10) },
  'probe-acceleration': { run: probeAcceleration, timeoutMs: minutes(2) },
  'define-vm': { run: defineVm, timeoutMs: minutes(3) },
  'create-disk': { run: createDisk, timeoutMs: minutes(60) },
  'shut-down-template': { run: shutDownTemplate, timeoutMs: minutes(5) },
  'start-template': { run: startTemplate, timeoutMs: minutes(5) },
  'protect-template': { run: protectTemplate, timeoutMs: minutes(2) },
  'release-template': { run: releaseTemplate, timeoutMs: minutes(2) },
  'clone-disk': { run: cloneDisk, timeoutMs: minutes(180) },
  // It may install packages in an emulated machine.
  'edit-disks': { run: editDisks, timeoutMs: minutes(180) },
  'empty-workspace': { run: emptyWorkspace, timeoutMs: minutes(2) },
  'repair-access': { run: repairAccess, timeoutMs: minutes(2) },
  'write-seed': { run: writeSeed, timeoutMs: minutes(5) },
  'grow-disk': { run: growDisk, timeoutMs: minutes(15) },
  'set-autostart': { run: setAutostart, timeoutMs: minutes(1) },
  'mark-vm': { run: markVm, timeoutMs: minutes(1) },
  'adopt-vm': { run: adoptVm, timeoutMs: minutes(1) },
  'start-vm': { run: startVm, timeoutMs: minutes(5) },
  // The rungs have their own limits; this one only stops what none of them foresaw.
  'await-ready': { run: awaitReadyStep, timeoutMs: minutes(180) },
  'seal-seed': { run: sealSeed, timeoutMs: minutes(5) },
  'create-snapshot': { run: createSnapshot, timeoutMs: minutes(30) },
  'stop-vm': { run: stopVm, timeoutMs: minutes(5) },
  'delete-snapshot': { run: deleteSnapshot, timeoutMs: minutes(15) },
  'delete-volume': { run: deleteVolume, timeoutMs: minutes(5) },
  'undefine-vm': { run: undefineVm, timeoutMs: minutes(2) },
  'remove-pool': { run: removePool, timeoutMs: minutes(2) },
}

export function runStep(progress: Progress, step: Step, context: RunContext): Promise<void> {
  const { run, timeoutMs } = handlers[step.kind]
  const limited = progress.child({ timeoutMs })
  return (run as Handler<StepKind>)(limited, step, context) // the table's type ties each handler to its kind
}
