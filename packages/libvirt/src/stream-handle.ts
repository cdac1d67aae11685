import { bareHeader, packetStatus, packetType } from './protocol/packet.ts'
import type { Channel } from './transport/channel.ts'

/** So much of a stream waits for the socket: enough that it never runs dry, little enough to be no queue. */
const highWaterBytes = 1024 * 1024

/** Our end of a stream: writes its packets. One sender at a time. */
export class StreamHandle {
  readonly serial: number
  readonly #channel: Channel
  readonly #header: { readonly program: number; readonly procedure: number; readonly serial: number }

  #unsentBytes = 0
  #wake: () => void = () => undefined

  constructor(
    channel: Channel,
    call: { readonly program: number; readonly procedure: number },
    serial: number,
  ) {
    this.#channel = channel
    this.serial = serial
    this.#header = { program: call.program, procedure: call.procedure, serial }
  }

  /** One packet of data, its pieces written as they are. Resolves when more is welcome, or nothing ever will be. */
  send(pieces: readonly Uint8Array[], bytes: number): Promise<void> | undefined {
    const output = this.#channel.output
    this.#unsentBytes += bytes
    const onSent = () => {
      this.#unsentBytes -= bytes
      this.#wake()
    }
    output.cork()
    output.write(this.#packet(packetStatus.continue, bytes))
    for (const [index, piece] of pieces.entries()) {
      output.write(piece, index === pieces.length - 1 ? onSent : undefined)
    }
    output.uncork()
    return this.#unsentBytes < highWaterBytes ? undefined : new Promise((resolve) => (this.#wake = resolve))
  }

  /** Says that we are done; the daemon answers with the outcome. */
  finish(): void {
    this.#channel.output.write(this.#packet(packetStatus.ok, 0))
  }

  #packet(status: number, payloadBytes: number): Buffer {
    return bareHeader({ ...this.#header, type: packetType.stream, status }, payloadBytes)
  }
}
