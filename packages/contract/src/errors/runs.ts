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
  'phase.invalid': {
    title: 'A phase file cannot be used.',
    when: 'It is missing, unreadable, not UTF-8, not YAML, includes itself, or has a step that is not understood.',
    hint: 'The message names the file and the line.',
  },
  'phase.failed': {
    title: 'A phase of a lifecycle failed.',
    when: 'A step or a task of it ended with an error.',
    hint: 'The log of the phase has all that it printed; `terminate` and `shutdown` were run.',
  },
  'phase.timeout': {
    title: 'A phase took longer than it may.',
    when: 'The limit of the phase or of a step was over.',
    hint: 'Raise `lifecycle.phaseTimeout` or the `timeout` of the step.',
  },
  'run.busy': {
    title: 'Another run works on that guest.',
    when: 'Two runs of lifecycles were started on one guest.',
    hint: 'Wait until it ends.',
  },
  'run.no-room': {
    title: 'A guest never fits.',
    when: 'It wants more memory or processors than the budget or any capable host has.',
    hint: 'Give it less, raise `budget`, or name a larger host.',
  },
  'run.not-disposable': {
    title: 'A guest would have to be made anew.',
    when: 'Its image or hardware changed since it was made, and it is not part of the matrix.',
    hint: '`--rebuild NAME` makes it anew; what is on its disks is lost.',
  },
  'results.unwritable': {
    title: 'The results of a run cannot be kept.',
    when: 'Their folder cannot be made or written to, or the disk is full.',
    hint: 'Make room, or name another folder by `lifecycle.results`.',
  },
  'results.not-found': {
    title: 'There is no such run among the results.',
    when: 'The run that is named, or any run, is not in the folder of results or cannot be read.',
    hint: '`vmwright results` lists the runs that there are.',
  },
} as const satisfies Record<string, ErrorEntry>
