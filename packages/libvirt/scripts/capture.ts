/**
 * Records packets of a real daemon as commented fixtures: `node --conditions=source scripts/capture.ts`.
 * Speaks to libvirt's test driver through the system daemon and writes `src/fixtures/captured.ts`.
 */
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { format, resolveConfig } from 'prettier'
import { calls, errorCode, events, isLibvirtError, openLibvirt, type Call } from '../src/index.ts'
import { registrations, type EventKind } from '../src/events.ts'
import {
  headerBytes,
  packetStatus,
  packetType,
  readHeader,
  type PacketHeader,
} from '../src/protocol/packet.ts'
import { remoteError } from '../src/protocol/types.ts'
import { XdrReader } from '../src/xdr/reader.ts'
import type { Codec } from '../src/xdr/schema.ts'

interface Recorded {
  readonly direction: 'sent' | 'received'
  readonly bytes: Buffer
}

const recorded: Recorded[] = []
const libvirt = await openLibvirt('test:///default', { dial: recordingDial })

await libvirt.call(calls.domainLookupByName, { name: 'test' })
await libvirt.call(calls.domainLookupByName, { name: 'absent' }).catch(expect(errorCode.noDomain))
const unsubscribe = await libvirt.subscribe(events.domainLifecycle, () => undefined)
const xml = '<domain type="test"><name>capture</name><memory>1024</memory><os><type>hvm</type></os></domain>'
const { domain } = await libvirt.call(calls.domainDefineXmlFlags, { xml })
await libvirt.call(calls.domainGetInfo, { domain })
await libvirt.call(calls.domainUndefineFlags, { domain })
await unsubscribe()
await libvirt.call(calls.nodeGetInfo, {})
await libvirt.call(calls.connectListAllStoragePools, { needResults: 1 })
await libvirt.call(calls.connectGetAllDomainStats, { domains: [], stats: 1 })
await libvirt.close()

const everything: readonly Call<unknown, unknown, 'none'>[] = [
  ...Object.values(calls),
  ...Object.values(registrations).flatMap(({ register, deregister }) => [register, deregister]),
] as unknown as readonly Call<unknown, unknown, 'none'>[]
const all = recorded.map(({ direction, bytes }) => fixture(direction, bytes)).join('\n')
const source = `import { bytesOf } from './packet-text.ts'

/** Recorded from libvirtd 9.0 by \`scripts/capture.ts\`, in the order of the wire. */
export const captured: readonly { readonly direction: 'sent' | 'received'; readonly name: string; readonly bytes: Buffer }[] = [
${all}
]
`
const file = new URL('../src/fixtures/captured.ts', import.meta.url)
await writeFile(file, await format(source, { ...(await resolveConfig(file)), parser: 'typescript' }))

async function recordingDial() {
  const socket = connect('/var/run/libvirt/libvirt-sock')
  const output = new PassThrough()
  const sent = recorder('sent')
  const received = recorder('received')
  output.on('data', (chunk: Buffer) => (sent(chunk), socket.write(chunk)))
  output.on('end', () => socket.end())
  socket.on('data', (chunk: Buffer) => received(chunk))
  return { input: socket, output, destroy: () => socket.destroy() }
}

function recorder(direction: Recorded['direction']): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= rest.readUInt32BE(0)) {
      const length = rest.readUInt32BE(0)
      recorded.push({ direction, bytes: Buffer.from(rest.subarray(0, length)) })
      rest = rest.subarray(length)
    }
  }
}

function fixture(direction: Recorded['direction'], bytes: Buffer): string {
  const header = readHeader(bytes)
  const { name, codec } = meaning(header)
  const lines = [...headerLines(header, bytes), ...bodyLines(bytes, codec)]
  return `{ direction: '${direction}', name: '${name}', bytes: bytesOf(\`\n${lines.map((line) => `    ${line}`).join('\n')}\n  \`) },`
}

function meaning(header: PacketHeader): { name: string; codec: Codec<unknown> } {
  if (header.type === packetType.message) {
    const kind = Object.values(events).find((kind) => kind.procedure === header.procedure) as
      EventKind<object> | undefined
    if (kind !== undefined) return { name: kind.name, codec: kind.message }
  }
  const call = everything.find(
    ({ program, procedure }) => program === header.program && procedure === header.procedure,
  )
  if (call === undefined) throw new Error(`no call has the number ${header.procedure}`)
  if (header.type === packetType.call) return { name: call.name, codec: call.args }
  return { name: call.name, codec: header.status === packetStatus.error ? remoteError : call.result }
}

function headerLines(header: PacketHeader, bytes: Buffer): string[] {
  return Object.entries(header).map(([field, value], index) =>
    row(bytes, index * 4, index * 4 + 4, `${field} ${value}`),
  )
}

/** Reads the body with its codec and writes down what each read took. */
function bodyLines(bytes: Buffer, codec: Codec<unknown>): string[] {
  const lines: string[] = []
  const trace = new Proxy(new XdrReader(bytes, headerBytes), {
    set: (target, key, value) => Reflect.set(target, key, value, target),
    get: (target, key) => {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        const start = bytes.length - target.remaining
        const value: unknown = member.apply(target, args)
        const end = bytes.length - target.remaining
        const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
        if (end > start) lines.push(...rows(bytes, start, end, `${target.field} ${shown}`))
        return value
      }
    },
  })
  codec.decode(trace)
  return lines
}

function rows(bytes: Buffer, start: number, end: number, comment: string): string[] {
  const lines = [row(bytes, start, Math.min(end, start + 32), comment.replaceAll(/[`\\$]/g, '?'))]
  for (let at = start + 32; at < end; at += 32) lines.push(row(bytes, at, Math.min(end, at + 32), '…'))
  return lines
}

function row(bytes: Buffer, start: number, end: number, comment: string): string {
  return `${bytes
    .subarray(start, end)
    .toString('hex')
    .replaceAll(/(.{8})(?=.)/g, '$1 ')}  ${comment}`
}

function expect(code: number): (error: unknown) => void {
  return (error) => {
    if (!isLibvirtError(error, code)) throw error
  }
}
