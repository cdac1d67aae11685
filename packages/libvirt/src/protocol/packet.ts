/**
 * libvirt's packet (virnetprotocol.x, "RPC wire format"): seven big-endian words, then the payload.
 *
 *     length    bytes in all, this word included
 *     program   which protocol: remote, qemu, keepalive
 *     version   of that program
 *     procedure within the program
 *     type      call 0, reply 1, message 2 (event, keepalive), stream 3, …
 *     serial    chosen by the caller, repeated in replies and in the packets of the call's stream
 *     status    ok 0, error 1 (the payload is an error), continue 2 (stream data follows)
 */
export interface PacketHeader {
  readonly length: number
  readonly program: number
  readonly version: number
  readonly procedure: number
  readonly type: number
  readonly serial: number
  readonly status: number
}

export const headerBytes = 28

/** `VIR_NET_MESSAGE_MAX` does not count the length word itself. */
export const maxPacketBytes = 32 * 1024 * 1024 + 4

/** The largest stream payload every version of libvirt takes. */
export const maxStreamPayload = 262_120

export const program = { remote: 0x2000_8086, qemu: 0x2000_8087, keepalive: 0x6b65_6570 } as const
export const packetType = { call: 0, reply: 1, message: 2, stream: 3, streamHole: 6 } as const
export const packetStatus = { ok: 0, error: 1, continue: 2 } as const
export const keepaliveProcedure = { ping: 1, pong: 2 } as const

/** Every program of libvirt is at version 1. */
export const programVersion = 1

/** Fills in the header in front of a packet. `length` is that of the whole packet, which may be longer than `bytes`. */
export function writeHeader(bytes: Buffer, header: Omit<PacketHeader, 'version'>): Buffer {
  bytes.writeUInt32BE(header.length, 0)
  bytes.writeUInt32BE(header.program, 4)
  bytes.writeUInt32BE(programVersion, 8)
  bytes.writeInt32BE(header.procedure, 12)
  bytes.writeInt32BE(header.type, 16)
  bytes.writeUInt32BE(header.serial, 20)
  bytes.writeInt32BE(header.status, 24)
  return bytes
}

/** A packet that is only a header, or the header of a packet whose payload of `payloadBytes` is written next. */
export function bareHeader(header: Omit<PacketHeader, 'version' | 'length'>, payloadBytes = 0): Buffer {
  return writeHeader(Buffer.allocUnsafe(headerBytes), { ...header, length: headerBytes + payloadBytes })
}

export function readHeader(bytes: Buffer): PacketHeader {
  return {
    length: bytes.readUInt32BE(0),
    program: bytes.readUInt32BE(4),
    version: bytes.readUInt32BE(8),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
  }
}
