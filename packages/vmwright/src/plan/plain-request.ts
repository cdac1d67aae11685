import type { ApplyRequest } from './plan.ts'

/** All of it, and nothing unusual. */
export const plainRequest: ApplyRequest = {
  stage: 'full',
  adopt: new Set(),
  replace: new Set(),
  reseed: new Set(),
  restart: new Set(),
  restartNetworks: new Set(),
  reuseDisks: new Set(),
  refreshImages: false,
}
