import { LibvirtError, type CallSite } from './errors.ts'
import type { Call, StreamUse } from './protocol/call.ts'
import { bareHeader, headerBytes, packetType, program, writeHeader } from './protocol/packet.ts'
import { XdrWriter } from './xdr/writer.ts'

/** The packet of a call without arguments or waiter, for `close`. */
export function encodeCall<A>(
  call: Call<A, unknown, StreamUse>,
  args: A,
  serial: number,
  site: CallSite,
): Buffer {
  const writer = new XdrWriter(headerBytes)
  try {
    call.args.encode(writer, args)
  } catch (cause) {
    const message = `The arguments of ${call.name} cannot be sent: ${(cause as Error).message}`
    throw new LibvirtError({ kind: 'protocol', message, procedure: call.name, cause }, site)
  }
  const packet = writer.finish()
  const { program, procedure } = call
  return writeHeader(packet, {
    length: packet.length,
    program,
    procedure,
    type: packetType.call,
    serial,
    status: 0,
  })
}

export function keepalivePacket(procedure: number): Buffer {
  return bareHeader({ program: program.keepalive, procedure, type: packetType.message, serial: 0, status: 0 })
}
