import { describe, expect, it, vi } from 'vitest'
import { calls, LibvirtError, openLibvirt, type Libvirt } from './index.ts'
import { batches } from './pieces.ts'
import { bareHeader, maxStreamPayload, packetStatus, program } from './protocol/packet.ts'
import { FakeDaemon, type FakeStream } from './testing/index.ts'

const MiB = 1024 * 1024
const vol = { pool: 'default', name: 'a.img', key: '/images/a.img' }
const whole = { vol, offset: 0n, length: 0n }
const domain = { name: 'vm', uuid: '0b1f1a52-9a4e-4d43-8a4f-1d2f5c1c9a10', id: 3 }
const never = () => new Promise<never>(() => undefined)
const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)
const open = (daemon: FakeDaemon) => openLibvirt('qemu:///system', { dial: daemon.dial })

describe('upload', () => {
  it('sends everything, in packets every libvirt takes, and waits for the outcome', async () => {
    const sizes: number[] = []
    const received: Uint8Array[] = []
    await using daemon = uploading(async (stream) => {
      for await (const piece of stream) {
        sizes.push(piece.length)
        received.push(piece)
      }
    })
    const libvirt = await open(daemon)
    const data = Buffer.alloc(3 * MiB, 'vmwright')
    const progress: number[] = []
    await libvirt.upload(calls.storageVolUpload, whole, chunked(data, 100_000), {
      onProgress: (n) => progress.push(n),
    })
    expect(Buffer.concat(received).equals(data)).toBe(true)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(maxStreamPayload)
    expect(progress.at(-1)).toBe(3 * MiB)
  })

  it('opens one connection for streams, and uses it again', async () => {
    await using daemon = uploading(drain)
    const libvirt = await open(daemon)
    await libvirt.upload(calls.storageVolUpload, whole, Buffer.from('one'))
    await libvirt.upload(calls.storageVolUpload, whole, Buffer.from('two'))
    await libvirt.upload(calls.storageVolUpload, whole, Buffer.alloc(0))
    expect(daemon.connections).toBe(2)
  })

  it('stops when the daemon refuses it in the middle, with the daemon’s error', async () => {
    await using daemon = uploading(async (stream) => {
      for await (const _ of stream) {
        throw new LibvirtError({ kind: 'libvirt', code: 38, domain: 18, message: 'No space left on device' })
      }
    })
    const libvirt = await open(daemon)
    const error = await failureOf(libvirt.upload(calls.storageVolUpload, whole, endless()))
    expect(error).toMatchObject({
      kind: 'libvirt',
      code: 38,
      procedure: 'storageVolUpload',
      message: 'No space left on device',
    })
  })

  it('fails at once when the volume is not there, without touching the source', async () => {
    await using daemon = new FakeDaemon().handle(calls.storageVolUpload, () => {
      throw new LibvirtError({ kind: 'libvirt', code: 50, message: 'Storage volume not found' })
    })
    const libvirt = await open(daemon)
    const source = { [Symbol.asyncIterator]: vi.fn<() => AsyncIterator<Uint8Array>>() }
    await expect(libvirt.upload(calls.storageVolUpload, whole, source)).rejects.toMatchObject({ code: 50 })
    expect(source[Symbol.asyncIterator]).not.toHaveBeenCalled()
  })

  it('that was given up before it began does not leave its connection to the next', async () => {
    await using daemon = new FakeDaemon().handle(calls.storageVolUpload, never)
    const libvirt = await open(daemon)
    const abort = new AbortController()
    const upload = failureOf(
      libvirt.upload(calls.storageVolUpload, whole, Buffer.from('x'), { signal: abort.signal }),
    )
    await vi.waitFor(() => expect(daemon.requests.at(-1)?.name).toBe('storageVolUpload'))
    abort.abort()
    expect(await upload).toMatchObject({ kind: 'cancelled', procedure: 'storageVolUpload' })
    await vi.waitFor(() => expect(daemon.connections).toBe(1))
  })

  it('waits while the daemon does not read, and reads no more of the source', async () => {
    let letGo: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (letGo = resolve))
    await using daemon = uploading(async (stream) => {
      await gate
      await drain(stream)
    })
    const libvirt = await open(daemon)
    let taken = 0
    async function* counted() {
      for (; taken < 64; taken++) yield Buffer.alloc(MiB)
    }
    const upload = libvirt.upload(calls.storageVolUpload, whole, counted())
    await turns(200)
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(8)
    letGo()
    await upload
    expect(taken).toBe(64)
  })

  it('passes on the source’s own error, and the daemon learns that the data is not whole', async () => {
    const ended = vi.fn<() => void>()
    await using daemon = uploading(async (stream) => {
      await drain(stream)
      ended()
    })
    const libvirt = await open(daemon)
    const broken = new Error('checksum mismatch')
    async function* source() {
      yield Buffer.alloc(10)
      throw broken
    }
    await expect(libvirt.upload(calls.storageVolUpload, whole, source())).rejects.toBe(broken)
    await vi.waitFor(() => expect(daemon.connections).toBe(1))
    expect(ended).not.toHaveBeenCalled()
  })

  it('ends when cancelled, even while the source hangs', async () => {
    await using daemon = uploading(drain)
    const libvirt = await open(daemon)
    const abort = new AbortController()
    const hanging = { [Symbol.asyncIterator]: () => ({ next: never }) }
    const upload = failureOf(libvirt.upload(calls.storageVolUpload, whole, hanging, { signal: abort.signal }))
    await vi.waitFor(() => expect(daemon.requests.at(-1)?.name).toBe('storageVolUpload'))
    abort.abort()
    expect(await upload).toMatchObject({ kind: 'cancelled', procedure: 'storageVolUpload' })
  })
})

describe('download', () => {
  it('yields what the daemon sends, to its end, and the connection is used again', async () => {
    const data = Buffer.alloc(2 * MiB, 'abcdefg')
    await using daemon = downloading(async (stream) => {
      for await (const piece of chunked(data, 200_000)) await stream.write(piece)
    })
    const libvirt = await open(daemon)
    expect((await collect(libvirt)).equals(data)).toBe(true)
    expect((await collect(libvirt)).equals(data)).toBe(true)
    expect(daemon.connections).toBe(2)
  })

  it('fills holes with zeros', async () => {
    await using daemon = new FakeDaemon().handleStream(calls.storageVolDownload, (_, peer) => ({
      result: {},
      run: async (stream) => {
        await stream.write(Buffer.from('a'))
        peer.sendRaw(hole(300_000n))
        await stream.write(Buffer.from('b'))
      },
    }))
    const libvirt = await open(daemon)
    expect(
      (await collect(libvirt)).equals(
        Buffer.concat([Buffer.from('a'), Buffer.alloc(300_000), Buffer.from('b')]),
      ),
    ).toBe(true)
  })

  it('reads no further than the consumer takes', async () => {
    let sent = 0
    await using daemon = downloading(async (stream) => {
      for (; sent < 64; sent++) await stream.write(Buffer.alloc(MiB))
    })
    const libvirt = await open(daemon)
    const pieces = libvirt.download(calls.storageVolDownload, whole)
    await pieces.next()
    await turns(200)
    expect(sent).toBeLessThan(8)
    let bytes = 0
    for await (const piece of pieces) bytes += piece.length
    expect(sent).toBe(64)
    expect(bytes).toBeGreaterThan(62 * MiB)
  })

  it('fails with the daemon’s error after what came before it', async () => {
    await using daemon = downloading(async (stream) => {
      await stream.write(Buffer.from('half'))
      throw new LibvirtError({ kind: 'libvirt', code: 38, message: 'I/O error' })
    })
    const libvirt = await open(daemon)
    const pieces = libvirt.download(calls.storageVolDownload, whole)
    expect((await pieces.next()).value?.length).toBe(4)
    expect(await failureOf(pieces.next())).toMatchObject({ code: 38, procedure: 'storageVolDownload' })
  })

  it('that is left early gives its connection up', async () => {
    await using daemon = downloading(async (stream) => {
      for (;;) await stream.write(Buffer.alloc(1000))
    })
    const libvirt = await open(daemon)
    for await (const _ of libvirt.download(calls.storageVolDownload, whole)) break
    await vi.waitFor(() => expect(daemon.connections).toBe(1))
  })

  it('ends when the connection is cut', async () => {
    await using daemon = new FakeDaemon().handleStream(calls.storageVolDownload, (_, peer) => ({
      result: {},
      run: async (stream) => {
        await stream.write(Buffer.from('half'))
        peer.cut()
        await never()
      },
    }))
    const libvirt = await open(daemon)
    expect(await failureOf(collect(libvirt))).toMatchObject({ kind: 'connection' })
  })
})

describe('a console', () => {
  it('goes both ways until either side ends it', async () => {
    await using daemon = new FakeDaemon().handleStream(calls.domainOpenConsole, () => ({
      result: {},
      run: async (stream) => {
        await stream.write(Buffer.from('login: '))
        for await (const piece of stream) {
          await stream.write(Buffer.from(Buffer.from(piece).toString().toUpperCase()))
          if (piece.at(-1) === 0x04) return
        }
      },
    }))
    const libvirt = await open(daemon)
    const console = await libvirt.openStream(calls.domainOpenConsole, { domain })
    const seen: string[] = []
    for await (const piece of console) {
      seen.push(Buffer.from(piece).toString())
      if (seen.length === 1) await console.write('root')
      if (seen.length === 2) await console.write('\u0004')
    }
    expect(seen).toEqual(['login: ', 'ROOT', '\u0004'])
    await console.close()
    await console.close()
  })

  it('closed here ends the loop that reads it', async () => {
    await using daemon = new FakeDaemon().handleStream(calls.domainOpenConsole, () => ({
      result: {},
      run: drain,
    }))
    const libvirt = await open(daemon)
    const console = await libvirt.openStream(calls.domainOpenConsole, { domain })
    const loop = (async () => {
      for await (const _ of console);
    })()
    await console.close()
    await loop
  })

  it('does not hold up calls', async () => {
    await using daemon = new FakeDaemon()
      .handleStream(calls.domainOpenConsole, () => ({ result: {}, run: never }))
      .handle(calls.connectGetHostname, () => ({ hostname: 'h' }))
    const libvirt = await open(daemon)
    await libvirt.openStream(calls.domainOpenConsole, { domain })
    expect(await libvirt.call(calls.connectGetHostname, {})).toEqual({ hostname: 'h' })
    await libvirt.close()
  })
})

describe('batches', () => {
  it('groups chunks into payloads of one size without copying', async () => {
    const sizes: number[][] = []
    for await (const { pieces, bytes } of batches(chunked(Buffer.alloc(25), 10), 8)) {
      sizes.push([bytes, ...pieces.map((piece) => piece.length)])
    }
    expect(sizes).toEqual([
      [8, 8],
      [8, 2, 6],
      [8, 4, 4],
      [1, 1],
    ])
  })
})

function uploading(run: (stream: FakeStream) => Promise<void>): FakeDaemon {
  return new FakeDaemon().handleStream(calls.storageVolUpload, () => ({ result: {}, run }))
}

function downloading(run: (stream: FakeStream) => Promise<void>): FakeDaemon {
  return new FakeDaemon().handleStream(calls.storageVolDownload, () => ({ result: {}, run }))
}

async function drain(stream: FakeStream): Promise<void> {
  for await (const _ of stream);
}

async function collect(libvirt: Libvirt): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of libvirt.download(calls.storageVolDownload, whole)) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function* chunked(data: Uint8Array, size: number) {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size)
}

async function* endless() {
  for (;;) yield Buffer.alloc(MiB)
}

/** Lets everything that can happen without anybody doing anything happen. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** `virNetStreamHole`: length, flags. The first call of the stream's connection after the opening has serial 3. */
function hole(length: bigint): Buffer {
  const body = Buffer.alloc(12)
  body.writeBigInt64BE(length, 0)
  const header = {
    program: program.remote,
    procedure: 209,
    type: 6,
    serial: 3,
    status: packetStatus.continue,
  }
  return Buffer.concat([bareHeader(header, body.length), body])
}
