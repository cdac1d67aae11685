import type { Command } from 'commander'
import type { Runner } from './register.ts'

/** Commands beyond the life cycle of machines. */
export function registerMore(_program: Command, _run: Runner): void {}
