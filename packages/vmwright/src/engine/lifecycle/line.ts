import type { GuestChannel } from '../../guest/channel.ts'
import type { GuestConnector } from '../../guest/connector.ts'
import type { Progress } from '../../lib/progress.ts'

/** The channel into a guest: opened at its first use, and again when the last one is gone. */
export class GuestLine implements AsyncDisposable {
  readonly connector: GuestConnector
  #channel: GuestChannel | undefined
  #reached = false

  constructor(connector: GuestConnector) {
    this.connector = connector
  }

  /** The guest has answered in this run. */
  get reached(): boolean {
    return this.#reached
  }

  /** Throws what the connector throws. */
  async awaitReachable(progress: Progress): Promise<void> {
    const channel = await this.connector.awaitReachable(progress)
    this.#reached = true
    if (channel === undefined) return
    await this.drop()
    this.#channel = channel
  }

  async current(progress: Progress): Promise<GuestChannel> {
    if (this.#channel?.alive === true) return this.#channel
    await this.drop()
    this.#channel = await this.connector.open(progress)
    this.#reached = true
    return this.#channel
  }

  /** Before the guest goes back to another time, so that nothing waits for an end of the line that is no more. */
  async drop(): Promise<void> {
    const channel = this.#channel
    this.#channel = undefined
    await Promise.resolve(channel?.[Symbol.asyncDispose]()).catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop()
  }
}
