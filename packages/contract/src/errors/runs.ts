import type { ErrorEntry } from './entry.ts'

/** Errors of the run itself. */
export const runErrors = {
  'process.not-found': {
    title: 'A program that is needed is not installed.',
    when: '`ssh`, `gpgv`, `mmdebstrap` or another program that is called was not found.',
    hint: 'Install it and run the command again.',
  },
  'run.cancelled': {
    title: 'The run was cancelled.',
    when: 'Ctrl-C, SIGTERM or SIGHUP.',
    hint: 'Run the same command again to go on, or `vmwright destroy` to remove what was made.',
  },
  'usage.invalid': {
    title: 'The command line is not understood.',
    when: 'An unknown command, option or value, or a group where one instance is wanted.',
    hint: 'vmwright COMMAND --help shows the options.',
  },
  'benchmark.no-data': {
    title: 'There is no benchmark to report on.',
    when: 'The folder has no run, or the run has no summary.',
    hint: 'Make one with `vmwright benchmark cold`, or name the folder with `--root`.',
  },
  'internal.bug': {
    title: 'Something happened that should be impossible.',
    when: 'Something was thrown that has no code.',
    hint: 'Please report it with the output of the same command and `--json`.',
  },
} as const satisfies Record<string, ErrorEntry>
