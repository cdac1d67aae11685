import type { VmState } from '../contract.ts'

/**
 * `virDomainState` and, for a machine that is off, its reason (libvirt-domain.h): one that its kernel's panic
 * ended is off with reason 3 and counts as crashed.
 */
export function stateOf(state: number, reason: number): VmState {
  switch (state) {
    case 1: // running
    case 2: // blocked on a resource
    case 4: // being shut down
      return 'running'
    case 3: // paused
    case 7: // suspended by the guest's power management
      return 'paused'
    case 5:
      return reason === 3 ? 'crashed' : 'stopped'
    case 6:
      return 'crashed'
    default:
      return 'unknown'
  }
}

/** `virDomainEventType`; `undefined` for events that leave the state as it was (defined, undefined, shutdown begun). */
export function stateOfEvent(event: number, detail: number): VmState | undefined {
  switch (event) {
    case 2: // started
    case 4: // resumed
      return 'running'
    case 3: // suspended
    case 7: // suspended by the guest's power management
      return 'paused'
    case 5: // stopped; detail 2: crashed
      return detail === 2 ? 'crashed' : 'stopped'
    case 8:
      return 'crashed'
    default:
      return undefined
  }
}
