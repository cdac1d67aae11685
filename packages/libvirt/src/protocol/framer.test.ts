import { describe, expect, it, test } from 'vitest'
import { captured } from '../fixtures/captured.ts'
import { XdrError } from '../xdr/writer.ts'
import { Framer } from './framer.ts'
import {
  bareHeader,
  headerBytes,
  maxPacketBytes,
  packetStatus,
  packetType,
  program,
  readHeader,
} from './packet.ts'

const wire = Buffer.concat(captured.map(({ bytes }) => bytes))
const streamPacket = (payload: Buffer) =>
  Buffer.concat([
    bareHeader(
      {
        program: program.remote,
        procedure: 209,
        type: packetType.stream,
        serial: 7,
        status: packetStatus.continue,
      },
      payload.length,
    ),
    payload,
  ])

describe('Framer', () => {
  it('cuts captured packets out of the byte stream, split at every offset', () => {
    const expected = captured.map(({ bytes }) => bytes.toString('hex'))
    for (let offset = 0; offset <= wire.length; offset++) {
      expect(packetsOf([wire.subarray(0, offset), wire.subarray(offset)])).toEqual(expected)
    }
  })

  it('cuts them when every byte comes alone', () => {
    const single = Array.from(wire, (_, index) => wire.subarray(index, index + 1))
    expect(packetsOf(single)).toEqual(captured.map(({ bytes }) => bytes.toString('hex')))
  })

  it('passes on stream data piece by piece, split at every offset, with the packets around it', () => {
    const payload = Buffer.from('The quick brown fox')
    const bytes = Buffer.concat([
      captured[0]!.bytes,
      streamPacket(payload),
      streamPacket(Buffer.alloc(0)),
      captured[1]!.bytes,
    ])
    for (let offset = 0; offset <= bytes.length; offset++) {
      const seen: string[] = []
      let data = Buffer.alloc(0)
      const framer = new Framer({
        onPacket: (header, body) => seen.push(`${header.type}/${header.status}:${body.length}`),
        onStreamData: (_, piece, left) => {
          data = Buffer.concat([data, piece])
          if (left === 0) seen.push('data')
        },
      })
      framer.push(bytes.subarray(0, offset))
      framer.push(bytes.subarray(offset))
      expect(seen).toEqual(['0/0:0', 'data', '3/2:0', '1/0:8'])
      expect(data).toEqual(payload)
      expect(framer.isMidPacket).toBe(false)
    }
  })

  test.each([
    ['shorter than its own header', headerBytes - 1],
    ['of no length', 0],
    ['longer than libvirt sends', maxPacketBytes + 1],
    ['of a length with the sign bit', 0xffff_ffff],
  ])('refuses a packet %s before anything is allocated for it', (_, length) => {
    const header = Buffer.from(captured[0]!.bytes)
    header.writeUInt32BE(length, 0)
    expect(() => packetsOf([header])).toThrow(XdrError)
  })

  it('knows that it is in the middle of a packet', () => {
    const framer = new Framer({ onPacket: () => undefined, onStreamData: () => undefined })
    framer.push(wire.subarray(0, 30))
    expect(framer.isMidPacket).toBe(true)
  })

  it('reads a header as it was written', () => {
    const header = {
      program: program.qemu,
      procedure: 3,
      type: packetType.call,
      serial: 0xffff_ffff,
      status: 0,
    }
    expect(readHeader(bareHeader(header, 12))).toEqual({ ...header, version: 1, length: 40 })
  })
})

function packetsOf(chunks: readonly Buffer[]): string[] {
  const packets: string[] = []
  const framer = new Framer({
    onPacket: (header, body) => {
      const { version: _, ...rest } = header
      packets.push(Buffer.concat([bareHeader(rest, body.length), body]).toString('hex'))
    },
    onStreamData: () => undefined,
  })
  for (const chunk of chunks) framer.push(chunk)
  return packets
}
