import { linesOf, type Virsh } from './virsh.ts'

/** What a guest says about itself. */
export interface Facts {
  readonly cloudInit: { readonly status: string; readonly errors: readonly string[] }
  readonly hostname: string
  readonly user: string
  /** Who `sudo` makes of the user, without a password. */
  readonly root: string
  readonly sudo: string
  readonly timezone: string
  readonly machineId: string
  readonly hostKey: string
  readonly diskBytes: number
  readonly rootBytes: number
}

/** A line `name value` for each fact. cloud-init runs on each boot, and SSH answers before it is done. */
export const guestScript = `
  cloud-init status --wait >/dev/null 2>&1
  echo "cloudInit $(cloud-init status --format json | tr -d '\\n')"
  echo "hostname $(hostname)"
  echo "user $(id -un)"
  echo "root $(sudo -n id -un)"
  echo "sudo $(sudo cat /etc/sudoers.d/90-cloud-init-users | grep -v '^#' | tr -d '\\n')"
  echo "timezone $(readlink -f /etc/localtime)"
  echo "machineId $(cat /etc/machine-id)"
  echo "hostKey $(sudo cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub)"
  echo "diskBytes $(lsblk -bndo SIZE /dev/vda)"
  echo "rootBytes $(df -B1 --output=size / | tail -n 1 | tr -d ' ')"
`

export function guestFacts(output: string): Facts {
  const facts = new Map(
    linesOf(output).map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  )
  const fact = (name: string): string => facts.get(name) ?? ''
  return {
    cloudInit: JSON.parse(fact('cloudInit')) as Facts['cloudInit'],
    hostname: fact('hostname'),
    user: fact('user'),
    root: fact('root'),
    sudo: fact('sudo'),
    timezone: fact('timezone'),
    machineId: fact('machineId'),
    hostKey: fact('hostKey'),
    diskBytes: Number(fact('diskBytes')),
    rootBytes: Number(fact('rootBytes')),
  }
}

/** An address of the network that no machine has leased. */
export async function freeAddress(virsh: Virsh, network: string): Promise<string> {
  const [address = ''] = await freeAddresses(virsh, network, 1)
  return address
}

/** As many of them, each another one. Throws when there are not so many. */
export async function freeAddresses(
  virsh: Virsh,
  network: string,
  count: number,
): Promise<readonly string[]> {
  const own = /<ip address='([\d.]+)'/.exec(await virsh('net-dumpxml', network))?.[1]
  if (own === undefined) throw new Error(`the network ${network} has no IPv4 address`)
  const leases = await virsh('net-dhcp-leases', network)
  const free = Array.from({ length: 40 }, (_, index) => own.replace(/\d+$/, String(240 - index))).filter(
    (address) => !leases.includes(`${address}/`),
  )
  if (free.length < count) throw new Error(`the network ${network} has no ${count} free addresses`)
  return free.slice(0, count)
}
