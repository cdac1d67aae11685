import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sleepingGuest } from '../test/support/boot-sector.ts'
import { measure, requireSuccess } from './measure.ts'

/** What a person would write with virsh for one machine: the yardstick of the benchmarks of the control plane. */
export interface MachineScript {
  readonly folder: string
  /** A qcow2 file that disks are overlays of. */
  readonly image: string
  readonly network: string
  /** Where disk and seed are volumes, in that folder; absent: they are files in `folder`. */
  readonly pool?: { readonly name: string; readonly folder: string }
}

/** `make_machine NAME` and `drop_machine NAME`, for bash. */
export const machineFunctions = (script: MachineScript): string => `
make_machine() {
  name=$1
  genisoimage -quiet -J -r -V cidata -o $name-seed.iso user-data meta-data
  cat > $name.xml <<XML
${domainXml('$name', script.pool?.folder ?? script.folder, script.network)}
XML
${script.pool === undefined ? withFiles(script.image) : withVolumes(script.image, script.pool.name)}
}
drop_machine() {
  name=$1
  virsh -q "destroy $name; undefine $name${script.pool === undefined ? '' : dropVolumes(script.pool.name)}" >/dev/null
  rm -f $name.qcow2 $name-seed.iso $name.xml $name-disk.xml
}
export -f make_machine drop_machine
`

const withFiles = (image: string): string => `
  qemu-img create -q -f qcow2 -F qcow2 -b ${image} $name.qcow2 1G
  virsh -q "define $name.xml; start $name" >/dev/null`

const withVolumes = (image: string, pool: string): string => `
  cat > $name-disk.xml <<XML
<volume><name>$name.qcow2</name><capacity unit='GiB'>1</capacity><target><format type='qcow2'/></target>
  <backingStore><path>${image}</path><format type='qcow2'/></backingStore></volume>
XML
  virsh -q "vol-create ${pool} $name-disk.xml; vol-create-as ${pool} $name-seed.iso $(stat -c %s $name-seed.iso) --format raw; vol-upload $name-seed.iso $name-seed.iso --pool ${pool}; define $name.xml; start $name" >/dev/null`

const dropVolumes = (pool: string): string =>
  `; vol-delete $name.qcow2 --pool ${pool}; vol-delete $name-seed.iso --pool ${pool}`

/** An image whose guest sleeps from its first sector on: one without any would be told as a machine that cannot boot. */
export async function makeSleepingImage(folder: string, path: string): Promise<void> {
  const sector = join(folder, 'sector.raw')
  await writeFile(sector, sleepingGuest())
  requireSuccess('qemu-img', await measure('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', sector, path]))
}

/** The files that `make_machine` makes seeds of. */
export async function writeSeedSources(folder: string): Promise<void> {
  await writeFile(join(folder, 'user-data'), '#cloud-config\nhostname: bench\n')
  await writeFile(join(folder, 'meta-data'), 'instance-id: bench\n')
}

const domainXml = (name: string, folder: string, network: string): string => `<domain type='qemu'>
  <name>${name}</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${folder}/${name}.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <controller type='scsi' model='virtio-scsi'/>
    <disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${folder}/${name}-seed.iso'/><target dev='sda' bus='scsi'/><readonly/></disk>
    <interface type='network'><source network='${network}'/><model type='virtio'/></interface>
    <serial type='pty'/><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>
</domain>`
