import type { SpecDocument } from '@vmwright/contract'
import { toMib } from './quantity.ts'
import type { RunBudget } from './resolved-lifecycle.ts'

export const resolveBudget = (budget: SpecDocument['budget'] = {}): RunBudget => ({
  memoryMib: budget.memory === undefined ? undefined : toMib(budget.memory),
  vcpus: budget.vcpus,
  guests: budget.guests,
})
