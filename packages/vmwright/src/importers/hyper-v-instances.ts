import { type Carrier, type Found, found } from './carrier.ts'
import type { JobFieldName } from './hyper-v-fields.ts'
import type { Job } from './hyper-v-payloads.ts'
import type { KeyNames } from './key-names.ts'
import { keyOf } from './kvm-hosts.ts'
import { asFlag, asText, asWhole } from './readers.ts'

/** The form of a host in a URI. */
const hostName = /^[A-Za-z0-9][A-Za-z0-9.-]*$/
const windowsLimit = 100

/** Families whose guests the service could give an address. */
const hasNetplan = /^(ubuntu|debian)/i

type Pick = (name: JobFieldName) => Found | undefined

/** Writes one job as an instance, with its host and image. */
export function carryJob(carrier: Carrier, job: Job, images: KeyNames): void {
  const pick: Pick = (name) => found(name, job.fields.get(name))
  const full = carrier.read(['instances'], pick('vm_name'), asText) ?? ''
  const name =
    full
      .replaceAll(/[^A-Za-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 63) || 'vm'
  const at = ['instances', name]
  if (carrier.draft.has(at)) {
    carrier.warn(job.place, `${name} is there twice; the first is taken, as the host refuses the second`)
    return
  }
  carrier.draft.open(at)
  if (name !== full)
    carrier.notes.add(
      'decided',
      pick('vm_name')?.value.place,
      `the machine is called ${name}: only letters, digits and - are names here`,
    )
  carrier.draft.set([...at, 'host'], carryTarget(carrier, job))
  carryImage(carrier, at, pick, images)
  const system = pick('os_family') ?? pick('image_name')
  if (job.os === 'windows' && system !== undefined) carrier.put([...at, 'os'], 'windows', system)
  carrier.carry([...at, 'vcpus'], pick('cpu_cores'), asWhole)
  carrier.carry([...at, 'memory'], pick('gb_ram'), asWhole, (gib) => `${gib}GiB`)
  const clustered = pick('vm_clustered')
  const isClustered = carrier.carry([...at, 'clustered'], clustered, asFlag)
  if (
    isClustered === false &&
    clustered?.value.kind === 'scalar' &&
    typeof clustered.value.value === 'string'
  )
    carrier.warn(
      clustered.value.place,
      'vm_clustered is a text that means no; the service took any text as yes, here it is no',
    )
  carryWire(carrier, at, job, pick)
  carryUser(carrier, at, pick)
  carryJoin(carrier, at, pick)
}

/** The key of the host in the spec. */
function carryTarget(carrier: Carrier, job: Job): string {
  const target = found('target_host', job.targetHost)
  const host = target === undefined ? undefined : carrier.read(['hosts'], target, asText)
  const key = host === undefined || !hostName.test(host) ? 'hyperv' : keyOf(host.toLowerCase())
  const known = ['hosts', key]
  if (carrier.draft.has([...known, 'login'])) return key
  if (target === undefined || host === undefined || !hostName.test(host)) {
    carrier.draft.set([...known, 'uri'], 'hyperv://change-me', 'decided, see above')
    carrier.notes.add(
      'question',
      target?.value.place ?? job.place,
      'no target_host that is the name of a host: write it to hosts.hyperv.uri',
    )
  } else carrier.put([...known, 'uri'], `hyperv://${host}`, target)
  carrier.draft.set([...known, 'login', 'user'], 'Administrator', 'WINRM_USERNAME of the service')
  carrier.draft.set([...known, 'login', 'password'], { env: 'WINRM_PASSWORD' }, 'as the service had it')
  return key
}

function carryImage(carrier: Carrier, at: readonly string[], pick: Pick, images: KeyNames): void {
  const setting = pick('image_name')
  const image = carrier.read([...at, 'image'], setting, asText)
  if (setting === undefined || image === undefined) return
  const name = image.replace(/\.vhdx$/i, '')
  const id = images.keyFor(keyOf(name.toLowerCase()).replace(/-+$/, ''), name.toLowerCase())
  carrier.put(['images', id, 'host'], name, setting)
  carrier.draft.set([...at, 'image'], id)
}

const imageOf = (pick: Pick): string => {
  const image = pick('image_name')?.value
  return image?.kind === 'scalar' ? String(image.value).trim() : ''
}

function carryWire(carrier: Carrier, at: readonly string[], job: Job, pick: Pick): void {
  const wire = [...at, 'interfaces', 0]
  carrier.draft.set(['networks', 'switch', 'use'], 'External', 'decided, see above')
  carrier.draft.set([...wire, 'network'], 'switch')
  const vlan = pick('vlan_id')
  const id = carrier.carry([...wire, 'vlan'], vlan, asWhole, (number) => (number === 0 ? undefined : number))
  if (id === 0)
    carrier.warn(
      vlan?.value.place,
      'vlan_id 0 is untagged in the documentation and refused by the schema: it is read as untagged',
    )
  const address = pick('guest_v4_ipaddr')
  const prefix = carrier.read([...wire, 'addresses'], pick('guest_v4_cidrprefix'), asWhole)
  carrier.carry([...wire, 'addresses'], address, asText, (ip) => [`${ip}/${prefix}`])
  if (address !== undefined && job.os === 'linux' && !hasNetplan.test(imageOf(pick)))
    carrier.warn(
      address.value.place,
      'only guests with netplan ever got a static address; guests of this family kept DHCP; now it is set',
    )
  carrier.carry([...wire, 'gateway4'], pick('guest_v4_defaultgw'), asText)
  const servers = [pick('guest_v4_dns1'), pick('guest_v4_dns2')].flatMap((server) => {
    const text = carrier.read([...wire, 'dns'], server, asText)
    return text === undefined ? [] : [text]
  })
  const first = pick('guest_v4_dns1')
  if (first !== undefined) carrier.put([...wire, 'dns'], servers, first)
  const suffix = pick('guest_net_dnssuffix')
  carrier.carry([...wire, 'search'], suffix, asText, (text) => [text])
  if (suffix !== undefined && (job.os === 'windows' || first === undefined))
    carrier.warn(
      suffix.value.place,
      'guest_net_dnssuffix was never applied by Windows guests, nor without a name server; now it is the search domain',
    )
}

function carryUser(carrier: Carrier, at: readonly string[], pick: Pick): void {
  const user = [...at, 'cloudInit', 'user']
  const variable = (what: string): string =>
    `${(at.at(-1) ?? '').toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}_${what}`.replace(/^(\d)/, 'VM_$1')
  const name = carrier.carry([...user, 'name'], pick('guest_la_uid'), asText)
  carrier.secret([...user, 'password'], pick('guest_la_pw'), variable('PASSWORD'))
  const key = pick('cnf_ansible_ssh_key')
  const login = pick('cnf_ansible_ssh_user')
  carrier.carry([...user, 'sshKeys'], key, asText, (text) =>
    text
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  )
  const other = carrier.read([...user, 'sudo'], login, asText)
  if (login === undefined || other === undefined) return
  carrier.put([...user, 'sudo'], 'ALL=(ALL) NOPASSWD:ALL', login)
  if (other !== name)
    carrier.notes.add(
      'decided',
      login.value.place,
      'a second user for Ansible has no equal: its key and its sudo without password are those of guest_la_uid, who is `ansible_user` now',
    )
}

function carryJoin(carrier: Carrier, at: readonly string[], pick: Pick): void {
  const join = [...at, 'domainJoin']
  const target = pick('guest_domain_jointarget')
  if (target === undefined) return
  carrier.carry([...join, 'domain'], target, asText)
  carrier.carry([...join, 'user'], pick('guest_domain_joinuid'), asText)
  const variable = `${(at.at(-1) ?? '').toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}_JOIN_PASSWORD`
  carrier.secret([...join, 'password'], pick('guest_domain_joinpw'), variable.replace(/^(\d)/, 'VM_$1'))
  const ou = pick('guest_domain_joinou')
  const text = carrier.carry([...join, 'ou'], ou, asText)
  if (ou === undefined)
    carrier.warn(
      target.value.place,
      'without guest_domain_joinou the guest skipped the join silently, though the service accepted it; now it joins',
    )
  if (text !== undefined && text.length > windowsLimit)
    carrier.warn(
      ou?.value.place,
      `values of more than ${windowsLimit} characters never arrived in Windows guests; now they do`,
    )
}
