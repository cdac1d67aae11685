import { dirname } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { XmlElement } from '../../lib/xml.ts'
import { variablesPathOf } from './domain-basis.ts'
import type { HostAccess } from './clone-disk.ts'

/** libvirt's folder for them, where definitions do not say (qemu_conf.c, `virQEMUDriverConfigNew`). */
const systemFolder = '/var/lib/libvirt/qemu/nvram'

export interface VariablesOwner {
  readonly name: string
  readonly definition: XmlElement
}

/**
 * Gives a machine that never ran a copy of the template's firmware variables, so that it has its boot entries. The
 * copy is where libvirt would make a fresh one at the first start, which it then leaves alone; so this works too
 * where libvirt chooses the firmware itself and takes no other template for the variables. Nothing to do where the
 * template never ran, or the machine has its variables. Safe to repeat.
 */
export async function copyVariables(
  { shell }: Pick<HostAccess, 'shell'>,
  progress: Progress,
  template: VariablesOwner,
  vm: VariablesOwner,
): Promise<void> {
  const from = pathOf(template, template)
  const to = pathOf(vm, template)
  const { exitCode, stderr } = await shell.run(progress, {
    script: copyScript,
    arguments: [from, to],
    effect: { kind: 'shell.copy-firmware-variables', object: vm.name, mutates: true },
    privileged: true,
  })
  if (exitCode === 0) return
  throw new ProvisionError('host.operation-failed', {
    message: `Could not copy the firmware variables of ${template.name} for machine ${vm.name} on host ${shell.host}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
    details: { host: shell.host, from, to },
  })
}

function pathOf(owner: VariablesOwner, template: VariablesOwner): string {
  const said = variablesPathOf(owner.definition)
  if (said !== undefined) return said
  const known = variablesPathOf(template.definition)
  return `${known === undefined ? systemFolder : dirname(known)}/${owner.name}_VARS.fd`
}

const copyScript = `
if [ ! -f "$1" ] || [ -e "$2" ]; then exit 0; fi
umask 077; cp -p -- "$1" "$2.new" && mv -f -- "$2.new" "$2"
`
