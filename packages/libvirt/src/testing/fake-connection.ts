import type { Duplex } from 'node:stream'
import { errorCode, LibvirtError } from '../errors.ts'
import { Framer } from '../protocol/framer.ts'
import {
  bareHeader,
  headerBytes,
  keepaliveProcedure,
  packetStatus,
  packetType,
  program,
  writeHeader,
  type PacketHeader,
} from '../protocol/packet.ts'
import { remoteError } from '../protocol/types.ts'
import { XdrReader } from '../xdr/reader.ts'
import type { Codec } from '../xdr/schema.ts'
import { XdrWriter } from '../xdr/writer.ts'
import type { AnyHandler, FakePeer, Request } from './fake-daemon.ts'

/** The daemon's end of a stream. */
export interface FakeStream extends AsyncIterable<Uint8Array> {
  /** Sends one packet of data; resolves when the client takes more, throws when it has gone. */
  write(data: Uint8Array): Promise<void>
}

interface Owner {
  find(program: number, procedure: number): AnyHandler | undefined
  onRequest(request: Request): void
  /** True when the ping is to be answered. */
  onPing(): boolean
  onPong(): void
}

/** One client's connection to the fake daemon. */
export class FakeConnection {
  readonly #duplex: Duplex
  readonly #index: number
  readonly #owner: Owner
  readonly #streams = new Map<number, StreamEnd>()
  readonly #peer: FakePeer

  constructor(duplex: Duplex, index: number, owner: Owner) {
    this.#duplex = duplex
    this.#index = index
    this.#owner = owner
    this.#peer = { connection: index, cut: () => this.cut(), sendRaw: (bytes) => void duplex.write(bytes) }
    const framer = new Framer({
      onPacket: (header, body) => this.#onPacket(header, body),
      onStreamData: (header, piece) => this.#streams.get(header.serial)?.push(piece),
    })
    duplex.on('data', (chunk: Buffer) => framer.push(chunk))
    duplex.on('end', () => duplex.end())
    duplex.on('error', () => undefined)
  }

  get isClosed(): boolean {
    return this.#duplex.destroyed
  }

  cut(): void {
    this.#duplex.destroy()
  }

  ping(): void {
    this.#write(keepalive(keepaliveProcedure.ping))
  }

  sendMessage<M>(procedure: number, codec: Codec<M>, message: M): void {
    const header = {
      program: program.remote,
      procedure,
      type: packetType.message,
      serial: 0,
      status: packetStatus.ok,
    }
    this.#write(packet(header, codec, message))
  }

  #onPacket(header: PacketHeader, body: Buffer): void {
    if (header.program === program.keepalive) return this.#onKeepalive(header)
    if (header.type === packetType.call) return void this.#onCall(header, body)
    if (header.type === packetType.stream)
      this.#streams.get(header.serial)?.finish(header.status === packetStatus.ok)
    return undefined
  }

  #onKeepalive(header: PacketHeader): void {
    if (header.procedure === keepaliveProcedure.pong) this.#owner.onPong()
    else if (this.#owner.onPing()) this.#write(keepalive(keepaliveProcedure.pong))
  }

  async #onCall(header: PacketHeader, body: Buffer): Promise<void> {
    const found = this.#owner.find(header.program, header.procedure)
    try {
      if (found === undefined) throw unknownProcedure(header.procedure)
      const args = found.call.args.decode(new XdrReader(body))
      this.#owner.onRequest({ connection: this.#index, name: found.call.name, args })
      if (found.kind === 'stream') return this.#runStream(header, found, args)
      const result = await found.handler(args, this.#peer)
      return this.#reply(header, found, result)
    } catch (error) {
      return this.#fail(header, packetType.reply, error)
    }
  }

  #runStream(header: PacketHeader, found: AnyHandler & { kind: 'stream' }, args: unknown): void {
    const { result, run } = found.handler(args, this.#peer)
    const stream = new StreamEnd(this.#duplex, header)
    this.#streams.set(header.serial, stream)
    this.#reply(header, found, result)
    run(stream).then(
      () => stream.done(),
      (error: unknown) => this.#fail(header, packetType.stream, error),
    )
  }

  #reply(header: PacketHeader, found: AnyHandler, result: unknown): void {
    const { program, procedure, serial } = header
    const reply = { program, procedure, serial, type: packetType.reply, status: packetStatus.ok }
    this.#write(packet(reply, found.call.result, result))
  }

  #fail(header: PacketHeader, type: number, error: unknown): void {
    if (!(error instanceof LibvirtError)) throw error
    const { program, procedure, serial } = header
    const { code = errorCode.internalError, domain = 0, message, level = 2 } = error
    const nothing = {
      dom: undefined,
      str1: message,
      str2: undefined,
      str3: undefined,
      int1: -1,
      int2: -1,
      net: undefined,
    }
    const reply = { program, procedure, serial, type, status: packetStatus.error }
    this.#write(packet(reply, remoteError, { code, domain, message, level, ...nothing }))
  }

  #write(bytes: Buffer): void {
    if (!this.#duplex.destroyed) this.#duplex.write(bytes)
  }
}

/** Stops reading from the client while the test's handler has this much to take. */
const highWaterPieces = 4

class StreamEnd implements FakeStream {
  readonly #duplex: Duplex
  readonly #header: PacketHeader
  readonly #pieces: Uint8Array[] = []
  #wake: () => void = () => undefined
  #clientIsDone = false
  #weAreDone = false

  constructor(duplex: Duplex, header: PacketHeader) {
    this.#duplex = duplex
    this.#header = header
  }

  push(piece: Uint8Array): void {
    this.#pieces.push(piece)
    if (this.#pieces.length >= highWaterPieces) this.#duplex.pause()
    this.#wake()
  }

  /** The client's last packet: a finish, or an abort, which is confirmed at once. */
  finish(isFinish: boolean): void {
    this.#clientIsDone = true
    this.#wake()
    if (this.#weAreDone || !isFinish) this.#send(packetStatus.ok, Buffer.alloc(0))
  }

  /** The handler's work is done: the end of the data, and the confirmation if the client waits for it. */
  done(): void {
    this.#weAreDone = true
    this.#send(this.#clientIsDone ? packetStatus.ok : packetStatus.continue, Buffer.alloc(0))
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#duplex.destroyed) throw new LibvirtError({ kind: 'connection', message: 'the client has gone' })
    if (this.#send(packetStatus.continue, data)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#duplex.off('drain', done)
        this.#duplex.off('close', done)
        resolve()
      }
      this.#duplex.on('drain', done)
      this.#duplex.on('close', done)
    })
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = this.#pieces.shift()
      if (piece !== undefined) yield piece
      else if (this.#clientIsDone) return
      else {
        this.#duplex.resume()
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    }
  }

  #send(status: number, data: Uint8Array): boolean {
    if (this.#duplex.destroyed) return true
    const { program, procedure, serial } = this.#header
    this.#duplex.write(
      bareHeader({ program, procedure, serial, type: packetType.stream, status }, data.length),
    )
    return this.#duplex.write(data)
  }
}

function packet<T>(header: Omit<PacketHeader, 'version' | 'length'>, codec: Codec<T>, value: T): Buffer {
  const writer = new XdrWriter(headerBytes)
  codec.encode(writer, value)
  const bytes = writer.finish()
  return writeHeader(bytes, { ...header, length: bytes.length })
}

function keepalive(procedure: number): Buffer {
  return bareHeader({
    program: program.keepalive,
    procedure,
    type: packetType.message,
    serial: 0,
    status: packetStatus.ok,
  })
}

function unknownProcedure(procedure: number): LibvirtError {
  return new LibvirtError({
    kind: 'libvirt',
    code: errorCode.rpc,
    domain: 7,
    message: `unknown procedure: ${procedure}`,
  })
}
