import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  calls,
  errorCode,
  events,
  isLibvirtError,
  openLibvirt,
  type Libvirt,
  type StorageVolume,
} from './index.ts'

const tag = randomUUID().slice(0, 8)
const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)

describe('a real daemon: libvirt’s test driver', () => {
  let libvirt: Libvirt
  beforeAll(async () => {
    libvirt = await openLibvirt('test:///default')
  })
  afterAll(() => libvirt.close())

  it('defines, starts, stops and removes a domain, and tells of each', async () => {
    const seen: string[] = []
    const stop = await libvirt.subscribe(events.domainLifecycle, ({ domain, event }) => {
      if (domain.name === name)
        seen.push(['defined', 'undefined', 'started', '', '', 'stopped'][event] ?? `${event}`)
    })
    const name = `rpc-${tag}`
    const xml = `<domain type="test"><name>${name}</name><memory>2048</memory><os><type>hvm</type></os></domain>`
    const { domain } = await libvirt.call(calls.domainDefineXmlFlags, { xml })
    expect(domain).toMatchObject({ name, id: -1 })
    const started = await libvirt.call(calls.domainCreateWithFlags, { domain }, { lane: 'slow' })
    expect(started.domain.id).toBeGreaterThan(0)
    expect(await libvirt.call(calls.domainGetState, { domain })).toEqual({ state: 1, reason: 1 })
    expect(await libvirt.call(calls.domainGetInfo, { domain })).toMatchObject({
      state: 1,
      maxMemory: 2048n,
      vcpus: 1,
    })
    const { domains } = await libvirt.call(calls.connectListAllDomains, { needResults: 1 })
    expect(domains.map((each) => each.name)).toContain(name)
    expect((await libvirt.call(calls.domainLookupByUuid, { uuid: domain.uuid })).domain.name).toBe(name)
    await libvirt.call(calls.domainDestroyFlags, { domain })
    await libvirt.call(calls.domainUndefineFlags, { domain })
    await vi.waitFor(() => expect(seen).toEqual(['defined', 'started', 'stopped', 'undefined']))
    await stop()
  })

  it('keeps metadata, autostart, vCPUs and memory', async () => {
    const xml = `<domain type="test"><name>rpc-m-${tag}</name><memory>4096</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>`
    const { domain } = await libvirt.call(calls.domainDefineXmlFlags, { xml })
    const uri = 'urn:example:owner'
    const absent = await failureOf(libvirt.call(calls.domainGetMetadata, { domain, type: 2, uri }))
    expect(isLibvirtError(absent, errorCode.noDomainMetadata)).toBe(true)
    const metadata = '<owner name="me"/>'
    await libvirt.call(calls.domainSetMetadata, { domain, type: 2, metadata, key: 'o', uri, flags: 2 })
    expect(await libvirt.call(calls.domainGetMetadata, { domain, type: 2, uri })).toEqual({ metadata })
    await libvirt.call(calls.domainSetAutostart, { domain, autostart: true })
    expect(await libvirt.call(calls.domainGetAutostart, { domain })).toEqual({ autostart: true })
    await libvirt.call(calls.domainSetMemoryFlags, { domain, memory: 1024n, flags: 2 })
    await libvirt.call(calls.domainSetVcpusFlags, { domain, vcpus: 1, flags: 2 })
    const { xml: after } = await libvirt.call(calls.domainGetXmlDesc, { domain, flags: 2 })
    expect(after).toContain("<currentMemory unit='KiB'>1024</currentMemory>")
    await libvirt.call(calls.domainUndefineFlags, { domain })
  })

  it('takes, lists, reverts and deletes snapshots', async () => {
    const xml = `<domain type="test"><name>rpc-s-${tag}</name><memory>1024</memory><os><type>hvm</type></os></domain>`
    const { domain } = await libvirt.call(calls.domainDefineXmlFlags, { xml })
    const made = await libvirt.call(calls.domainSnapshotCreateXml, {
      domain,
      xml: '<domainsnapshot><name>first</name></domainsnapshot>',
    })
    expect(made.snapshot).toMatchObject({ name: 'first', domain: { uuid: domain.uuid } })
    const { snapshots } = await libvirt.call(calls.domainListAllSnapshots, { domain, needResults: 1 })
    expect(snapshots.map(({ name }) => name)).toEqual(['first'])
    const names = await libvirt.call(calls.domainSnapshotListNames, { domain, maxNames: 10 })
    expect(names).toEqual({ names: ['first'] })
    expect(await libvirt.call(calls.domainHasCurrentSnapshot, { domain })).toEqual({ result: true })
    const { snapshot } = await libvirt.call(calls.domainSnapshotLookupByName, { domain, name: 'first' })
    await libvirt.call(calls.domainRevertToSnapshot, { snapshot })
    await libvirt.call(calls.domainSnapshotDelete, { snapshot })
    const gone = await failureOf(libvirt.call(calls.domainSnapshotLookupByName, { domain, name: 'first' }))
    expect(isLibvirtError(gone, errorCode.noDomainSnapshot)).toBe(true)
    await libvirt.call(calls.domainUndefineFlags, { domain })
  })

  it('tells what pools could be made of', async () => {
    const { xml } = await libvirt.call(calls.connectFindStoragePoolSources, { type: 'logical' })
    expect(xml).toContain('<sources>')
  })

  it('tells of the host and of networks', async () => {
    expect((await libvirt.call(calls.nodeGetInfo, {})).cpus).toBe(16)
    expect((await libvirt.call(calls.connectGetUri, {})).uri).toBe('test:///default')
    expect((await libvirt.call(calls.connectGetLibVersion, {})).version).toBeGreaterThan(6_000_000n)
    expect(await libvirt.call(calls.connectSupportsFeature, { feature: 16 })).toEqual({ supported: true })
    const xml = `<network><name>rpc-${tag}</name><bridge name="rpc${tag.slice(0, 4)}"/></network>`
    const { network } = await libvirt.call(calls.networkDefineXml, { xml })
    expect(await libvirt.call(calls.networkIsActive, { network })).toEqual({ active: false })
    await libvirt.call(calls.networkCreate, { network })
    expect(await libvirt.call(calls.networkIsActive, { network })).toEqual({ active: true })
    expect((await libvirt.call(calls.networkLookupByName, { name: network.name })).network).toEqual(network)
    await libvirt.call(calls.networkDestroy, { network })
    await libvirt.call(calls.networkUndefine, { network })
  })

  it('sends a picture on a stream, and its type in the result', async () => {
    const { domain } = await libvirt.call(calls.domainLookupByName, { name: 'test' })
    const picture = await libvirt.openStream(calls.domainScreenshot, { domain, screen: 0 })
    const pieces: Uint8Array[] = []
    for await (const piece of picture) pieces.push(piece)
    await picture.close()
    expect(picture.result).toEqual({ mime: 'image/png' })
    expect(Buffer.concat(pieces).subarray(1, 4).toString()).toBe('PNG')
  })

  it('tells what is not there by its code', async () => {
    const name = `rpc-absent-${tag}`
    const uuid = randomUUID()
    for (const [failure, code] of [
      [failureOf(libvirt.call(calls.domainLookupByName, { name })), errorCode.noDomain],
      [failureOf(libvirt.call(calls.domainLookupByUuid, { uuid })), errorCode.noDomain],
      [failureOf(libvirt.call(calls.networkLookupByName, { name })), errorCode.noNetwork],
      [failureOf(libvirt.call(calls.storagePoolLookupByName, { name })), errorCode.noStoragePool],
      [failureOf(libvirt.call(calls.domainDefineXmlFlags, { xml: '<domain' })), errorCode.xmlDetail],
      [
        failureOf(libvirt.call(calls.domainDefineXmlFlags, { xml: '<domain type="test"/>' })),
        errorCode.noName,
      ],
    ] as const) {
      expect(await failure).toMatchObject({ kind: 'libvirt', code })
    }
  })
})

describe('a real daemon: storage', () => {
  let libvirt: Libvirt
  let folder: string
  beforeAll(async () => {
    libvirt = await openLibvirt('qemu:///system')
    folder = await mkdtemp(join(tmpdir(), 'libvirt-rpc-pool-'))
  })
  afterAll(async () => {
    await libvirt.close()
    await rm(folder, { recursive: true })
  })

  it('uploads and downloads a volume, byte for byte, also a part of it', async () => {
    const xml = `<pool type="dir"><name>rpc-${tag}</name><target><path>${folder}</path></target></pool>`
    const { pool } = await libvirt.call(calls.storagePoolCreateXml, { xml })
    try {
      const data = randomBytes(20 * 1024 * 1024 + 17)
      const volume = `<volume><name>a.img</name><capacity>${data.length}</capacity><target><format type="raw"/></target></volume>`
      const { vol } = await libvirt.call(calls.storageVolCreateXml, { pool, xml: volume })
      const again = await failureOf(libvirt.call(calls.storageVolCreateXml, { pool, xml: volume }))
      expect(isLibvirtError(again, errorCode.storageVolumeExists)).toBe(true)
      await libvirt.upload(calls.storageVolUpload, { vol, offset: 0n, length: 0n }, chunked(data, 70_001))
      expect(await downloaded({ vol, offset: 0n, length: 0n })).toBe(sha256(data))
      expect(await downloaded({ vol, offset: 5_000n, length: 300_000n })).toBe(
        sha256(data.subarray(5_000, 305_000)),
      )
      expect(await libvirt.call(calls.storageVolGetInfo, { vol })).toMatchObject({
        capacity: BigInt(data.length),
      })
      expect((await libvirt.call(calls.storageVolLookupByPath, { path: vol.key })).vol).toEqual(vol)
      const copy = volume.replace('a.img', 'b.img')
      const cloned = await libvirt.call(
        calls.storageVolCreateXmlFrom,
        { pool, xml: copy, source: vol },
        { lane: 'slow' },
      )
      expect(await downloaded({ vol: cloned.vol, offset: 0n, length: 0n })).toBe(sha256(data))
      const { vols } = await libvirt.call(calls.storagePoolListAllVolumes, { pool, needResults: 1 })
      expect(vols.map(({ name }) => name).toSorted()).toEqual(['a.img', 'b.img'])
      await libvirt.call(calls.storageVolResize, { vol, capacity: 64n * 1024n * 1024n })
      for (const each of vols) await libvirt.call(calls.storageVolDelete, { vol: each })
      const missing = libvirt.upload(calls.storageVolUpload, { vol, offset: 0n, length: 0n }, data)
      expect(await failureOf(missing)).toMatchObject({
        code: errorCode.noStorageVolume,
        procedure: 'storageVolUpload',
      })
      const unread = failureOf(
        libvirt.download(calls.storageVolDownload, { vol, offset: 0n, length: 0n }).next(),
      )
      expect(await unread).toMatchObject({ code: errorCode.noStorageVolume, procedure: 'storageVolDownload' })
    } finally {
      await libvirt.call(calls.storagePoolDestroy, { pool })
    }
  })

  it('survives an upload that is cancelled in the middle', async () => {
    const xml = `<pool type="dir"><name>rpc-c-${tag}</name><target><path>${folder}</path></target></pool>`
    const { pool } = await libvirt.call(calls.storagePoolCreateXml, { xml })
    try {
      const volume = '<volume><name>c.img</name><capacity>104857600</capacity></volume>'
      const { vol } = await libvirt.call(calls.storageVolCreateXml, { pool, xml: volume })
      const abort = new AbortController()
      const upload = libvirt.upload(
        calls.storageVolUpload,
        { vol, offset: 0n, length: 0n },
        chunked(Buffer.alloc(1e8), 1e6),
        {
          signal: abort.signal,
          onProgress: (bytes) => (bytes > 1e6 ? abort.abort() : undefined),
        },
      )
      expect(await failureOf(upload)).toMatchObject({ kind: 'cancelled' })
      await libvirt.call(calls.storageVolDelete, { vol }, { lane: 'slow' })
    } finally {
      await libvirt.call(calls.storagePoolDestroy, { pool })
    }
  })

  async function downloaded(range: { vol: StorageVolume; offset: bigint; length: bigint }): Promise<string> {
    const hash = createHash('sha256')
    for await (const piece of libvirt.download(calls.storageVolDownload, range)) hash.update(piece)
    return hash.digest('hex')
  }
})

async function* chunked(data: Uint8Array, size: number) {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size)
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
