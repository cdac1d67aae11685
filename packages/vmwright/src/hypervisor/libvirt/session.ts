import {
  calls,
  errorCode,
  LibvirtError,
  type ArgsOf,
  type Call,
  type Domain,
  type Libvirt,
  type StoragePool,
} from '@vmwright/libvirt'
import type { Progress } from '../../lib/progress.ts'
import { parsePoolPath } from './pool-xml.ts'
import { toProvisionError } from './failure.ts'

/** What a call is for: the object it touches, and the words that complete "Could not …". */
export interface CallPurpose {
  /** `web-1`, `default/web-1-root.qcow2` */
  readonly object: string
  /** `start machine web-1` */
  readonly doing: string
  readonly lane?: 'control' | 'slow'
  /** Limit for this call; the progress's deadline holds anyway. Default 60 s. */
  readonly timeoutMs?: number
}

export interface PoolHandle {
  readonly pool: StoragePool
  /** Its folder; `undefined` for pools without one. */
  readonly path: string | undefined
}

const defaultTimeoutMs = 60_000

/**
 * Calls that leave everything as it was. All others pass the seam as mutations, also those that only change what
 * the daemon knows (a pool's refresh).
 */
const reads =
  /^(?:connect|node)|(?:Get[A-Z]|List[A-Z]|Lookup|Is[A-Z]|Has[A-Z]|InterfaceAddresses|OpenConsole|VolDownload|AgentCommand)/

/**
 * One open connection to a host's libvirt and what is remembered as long as it lives. The only place that calls
 * libvirt: each call passes the effects seam, obeys the progress, and fails with a `ProvisionError`.
 */
export class Session {
  readonly host: string
  readonly libvirt: Libvirt
  readonly #pools = new Map<string, Promise<PoolHandle>>()

  constructor(host: string, libvirt: Libvirt) {
    this.host = host
    this.libvirt = libvirt
  }

  /** One call, as one effect named `libvirt.<call>`. */
  call<A, R>(
    progress: Progress,
    call: Call<A, R>,
    args: NoInfer<ArgsOf<A>>,
    purpose: CallPurpose,
  ): Promise<R> {
    return this.effect(progress, call.name, purpose, () =>
      this.libvirt.call(call, args, {
        ...progress.callOptions(purpose.timeoutMs ?? defaultTimeoutMs),
        lane: purpose.lane ?? 'control',
      }),
    )
  }

  /** As `call`; `undefined` when libvirt answers with one of these error numbers. */
  async callUnless<A, R>(
    progress: Progress,
    call: Call<A, R>,
    args: NoInfer<ArgsOf<A>>,
    purpose: CallPurpose & { readonly absent: readonly number[] },
  ): Promise<R | undefined> {
    try {
      return await this.call(progress, call, args, purpose)
    } catch (error) {
      if (purpose.absent.includes(libvirtCodeOf(error) ?? -1)) return undefined
      throw error
    }
  }

  /** Runs anything that speaks to libvirt (streams, subscriptions) as an effect, with failures translated. */
  async effect<T>(
    progress: Progress,
    name: string,
    purpose: Pick<CallPurpose, 'object' | 'doing'>,
    run: () => Promise<T>,
  ): Promise<T> {
    progress.check()
    try {
      const effect = { kind: `libvirt.${name}`, object: purpose.object, mutates: !reads.test(name) }
      return await progress.seam.effect(effect, run)
    } catch (error) {
      progress.check()
      if (error instanceof LibvirtError)
        throw toProvisionError(error, { host: this.host, doing: purpose.doing })
      throw error
    }
  }

  /** `undefined`: no machine of that name. */
  async findDomain(progress: Progress, name: string): Promise<Domain | undefined> {
    const purpose = { object: name, doing: `look up machine ${name}`, absent: [errorCode.noDomain] }
    return (await this.callUnless(progress, calls.domainLookupByName, { name }, purpose))?.domain
  }

  /** Throws `host.operation-failed` when there is no machine of that name. */
  async domain(progress: Progress, name: string): Promise<Domain> {
    const purpose = { object: name, doing: `find machine ${name}` }
    return (await this.call(progress, calls.domainLookupByName, { name }, purpose)).domain
  }

  /** A pool's handle and folder, asked for once. Throws `pool.not-found`. */
  pool(progress: Progress, name: string): Promise<PoolHandle> {
    const known = this.#pools.get(name)
    if (known !== undefined) return known
    const found = this.#findPool(progress, name)
    this.#pools.set(name, found)
    found.catch(() => this.#pools.delete(name))
    return found
  }

  async #findPool(progress: Progress, name: string): Promise<PoolHandle> {
    const purpose = { object: name, doing: `find pool ${name}` }
    const { pool } = await this.call(progress, calls.storagePoolLookupByName, { name }, purpose)
    const { xml } = await this.call(progress, calls.storagePoolGetXmlDesc, { pool }, purpose)
    return { pool, path: parsePoolPath(xml) }
  }
}

/** libvirt's own number behind an error of ours; `undefined` when libvirt did not answer. */
export function libvirtCodeOf(error: unknown): number | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof LibvirtError && cause.kind === 'libvirt' ? cause.code : undefined
}

/** Runs `work` over all items, at most as many at once as libvirt answers on one connection. */
export async function mapParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index]
      if (item !== undefined) results[index] = await work(item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(5, items.length) }, worker))
  return results
}
