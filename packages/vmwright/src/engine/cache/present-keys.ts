import type { VmMark } from '../../hypervisor/contract.ts'
import { isProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { findPhases } from '../../phases/find.ts'
import { collectInputs } from '../../phases/inputs.ts'
import { layerInputsOf } from '../../snapshots/inputs.ts'
import { layerKeys, type LayerKeys } from '../../snapshots/keys.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import { baseOf } from '../lifecycle/machine.ts'
import { readInputs } from '../lifecycle/plan-run.ts'

/** The keys that a run of the present spec asks for, or a sentence that says why its phases cannot be read. */
export async function presentKeys(
  progress: Progress,
  instance: InstanceSpec,
  mark: VmMark,
): Promise<LayerKeys | string> {
  const { lifecycle, matrix } = instance
  try {
    const phases = await findPhases(progress, {
      folder: lifecycle.phasesFolder,
      platform: matrix?.platform,
      target: matrix?.target,
      inline: lifecycle.phases,
    })
    const inputs = await readInputs(progress, { instance, phases }, { collectInputs })
    return layerKeys(layerInputsOf(instance, baseOf(mark), inputs))
  } catch (error) {
    if (!isProvisionError(error, 'phase.invalid')) throw error
    return `What the spec asks for is not known: ${error.message}`
  }
}
