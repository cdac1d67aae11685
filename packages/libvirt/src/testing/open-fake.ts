import { openLibvirt } from '../libvirt.ts'
import type { OpenOptions } from '../options.ts'
import type { FakeDaemon } from './fake-daemon.ts'

/** What the tests of this package share. */
export const domain = { name: 'vm', uuid: '0b1f1a52-9a4e-4d43-8a4f-1d2f5c1c9a10', id: 3 }

export const open = (daemon: FakeDaemon, options: Partial<OpenOptions> = {}) =>
  openLibvirt('qemu:///system', { dial: daemon.dial, ...options })

export const never = () => new Promise<never>(() => undefined)

export const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)
