import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hypervisor, ObservedHost, ObservedVm } from '../packages/vmwright/src/hypervisor/contract.ts'
import { createFakeVm } from '../packages/vmwright/src/hypervisor/fake/world.ts'
import { openLibvirtHost } from '../packages/vmwright/src/hypervisor/libvirt/host.ts'
import { Progress } from '../packages/vmwright/src/lib/progress.ts'
import { realSeam } from '../packages/vmwright/src/lib/seam.ts'
import { diskProblems } from '../packages/vmwright/src/templates/disk-problems.ts'
import { gatherTemplates } from '../packages/vmwright/src/templates/gather.ts'
import { openTemplateRecords } from '../packages/vmwright/src/templates/records.ts'
import { rememberValidated } from '../packages/vmwright/src/templates/remember.ts'
import { hostSpec, resolvedSpec, templateSpec } from '../packages/vmwright/src/testing/specs.ts'
import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/** T8: validation of templates whose files are real ones on this machine, looked at through the driver. */
const count = 20
const rounds = 5
const goalMs = 300

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'template-validation', run: validation },
]

async function validation(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-bench-'))
  const progress = new Progress(realSeam())
  const spec = hostSpec({ name: 'local' })
  const host = await openLibvirtHost(progress, spec)
  try {
    const vms = await makeTemplates(folder)
    const templates = vms.map(({ name }) => templateSpec({ id: name, domain: name }))
    const records = openTemplateRecords(folder)
    const all = new Set(templates.map(({ id }) => id))
    const { cloning } = resolvedSpec([])
    const validate = async (how: 'once' | 'always') => {
      const facts = await gatherTemplates(progress, host, {
        host: spec,
        vms,
        templates,
        used: all,
        toHash: all,
        cloning: { ...cloning, validate: how, fullHash: true },
        records,
      })
      for (const [index, template] of templates.entries()) requireFine(template, vms[index], facts, host)
      return facts
    }
    for (const [id, { identity }] of await validate('always')) {
      const template = templates.find((each) => each.id === id)
      if (template !== undefined && identity !== undefined)
        await rememberValidated(progress, records, spec, template, identity)
    }
    const once: number[] = []
    const always: number[] = []
    for (let round = 0; round < rounds; round++) {
      once.push(await timed(() => validate('once')))
      always.push(await timed(() => validate('always')))
    }
    const value = median(once)
    const yardstick = median(always)
    return {
      id: 'template-validation',
      value,
      unit: 'ms',
      yardstick,
      ratio: value / yardstick,
      goal: `at most ${goalMs} ms for ${count} unchanged templates (yardstick: all of them hashed)`,
      met: value <= goalMs,
      n: rounds,
      spread: spread(once),
    }
  } finally {
    await host.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function makeTemplates(folder: string): Promise<readonly ObservedVm[]> {
  const vms: ObservedVm[] = []
  for (let index = 0; index < count; index++) {
    const path = join(folder, `template-${index}.qcow2`)
    const made = ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', path, '8M']
    requireSuccess('qemu-img', await measure('qemu-img', made))
    const disks = [{ device: 'vda', path, kind: 'disk' as const, format: 'qcow2' }]
    vms.push({ ...createFakeVm(`template-${index}`, { disks }), snapshots: [] })
  }
  return vms
}

function requireFine(
  template: ReturnType<typeof templateSpec>,
  machine: ObservedVm | undefined,
  facts: Awaited<ReturnType<typeof gatherTemplates>>,
  { host }: Hypervisor,
): void {
  const known = facts.get(template.id)
  if (machine === undefined || known?.identity === undefined) throw new Error(`${template.id} was not seen`)
  const observed: ObservedHost = {
    host,
    cpus: 1,
    memoryMib: 1,
    freeMemoryMib: 1,
    networks: [],
    pools: [],
    vms: [machine],
  }
  const [problem] = diskProblems(template, machine, observed, known)
  if (problem !== undefined) throw new Error(problem.message)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}
