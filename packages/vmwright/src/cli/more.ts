import type { Command } from 'commander'

/** Commands beyond the life cycle of machines. */
export function registerMore(_program: Command, _shared: unknown): void {}
