import type { Hypervisor, ObservedVm, VmMark, VmState } from '../../hypervisor/contract.ts'
import type { Progress } from '../../lib/progress.ts'

export interface MachineOptions {
  readonly host: Hypervisor
  readonly name: string
  readonly mark: VmMark
  readonly holder: string
  readonly lockTimeoutMs: number
}

/** One machine while a run works on it: nobody else does, so what its mark says is known. */
export class Machine {
  readonly host: Hypervisor
  readonly name: string
  readonly #options: MachineOptions
  #mark: VmMark

  constructor(options: MachineOptions) {
    this.host = options.host
    this.name = options.name
    this.#options = options
    this.#mark = options.mark
  }

  get mark(): VmMark {
    return this.#mark
  }

  state(progress: Progress): Promise<VmState> {
    return this.host.guest(this.name).state(progress)
  }

  /** Does what changes the hypervisor while nobody else changes it. Throws `host.locked`. */
  async change<T>(progress: Progress, work: () => Promise<T>): Promise<T> {
    const { holder, lockTimeoutMs } = this.#options
    await using _lock = await this.host.lock(progress.child({ timeoutMs: lockTimeoutMs }), holder)
    return await work()
  }

  /** Writes the whole mark, also where it seems to be so already: a snapshot may have brought an old one back. */
  async writeMark(
    progress: Progress,
    change: {
      readonly run?: string | undefined
      readonly used?: boolean
      readonly making?: string | undefined
      readonly addresses?: readonly string[]
    },
  ): Promise<void> {
    const { run, used, making, addresses = [], ...rest } = this.#mark
    const next = { run, used: used === true, making, addresses, ...change }
    this.#mark = {
      ...rest,
      ...(next.run === undefined ? {} : { run: next.run }),
      ...(next.used ? { used: true as const } : {}),
      ...(next.making === undefined ? {} : { making: next.making }),
      ...(next.addresses.length === 0 ? {} : { addresses: next.addresses }),
    }
    await this.host.writeMark(progress, this.name, this.#mark)
  }
}

/** As the layers' keys know it: `image:<digest>`. */
export const baseOf = ({ image }: VmMark): string => `${image.kind}:${image.digest}`

export const isOurs = (vm: ObservedVm | undefined, project: string): boolean => vm?.mark?.project === project
