import { ProvisionError } from '../../../lib/errors.ts'
import type { HostForks } from '../../forks.ts'

const notYet = async (): Promise<never> => {
  throw new ProvisionError('internal.bug', { message: 'Forks are not there yet.' })
}

export const hostForks = (): HostForks => ({
  whyNot: notYet,
  freeze: notYet,
  sources: notYet,
  fork: notYet,
  connect: notYet,
  removeSource: notYet,
})
