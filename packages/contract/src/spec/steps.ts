import * as z from 'zod'
import { duration, fault, field, flag, localPath, required, text, whole } from './field.ts'

const guestPath = (): z.ZodString => {
  const error = (): string =>
    fault('must be an absolute path in the guest', 'Begin it with `/`, on Windows with `C:\\`.')
  return z
    .string({ error })
    .regex(/^(\/|[A-Za-z]:[\\/])[^\0\n\r]*$/, { error })
    .meta({ kind: 'path in the guest' })
}

const mode = (): z.ZodString => {
  const error = (): string => fault('must be octal digits in quotes', 'Write `"0644"` or `"0755"`.')
  return z
    .string({ error })
    .regex(/^0?[0-7]{3,4}$/, { error })
    .meta({ kind: 'mode' })
}

const owner = (): z.ZodString => {
  const error = (): string => fault('is not an owner', 'Write `user` or `user:group`.')
  return z
    .string({ error })
    .regex(/^[A-Za-z_][\w.-]*(:[A-Za-z_][\w.-]*)?$/, { error })
    .meta({ kind: 'owner' })
}

/** Names of variables of an environment, and their values as text. */
export const environmentDocument = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
    error: () =>
      fault('is not the name of an environment variable', 'Use letters, digits and `_`, no digit first.'),
  }),
  z.string({ error: () => fault('must be a text', 'Put it in quotes.') }),
)

const title = {
  name: field(text(), 'What the step is called in the output and in the results.', {
    default: 'made of what it does',
    example: 'Build the package',
  }),
}
const limit = {
  timeout: field(duration(), 'How long the step may take.', {
    default: 'what the phase has left',
    example: '10m',
  }),
}
const asUser = {
  user: field(text(), 'User in the guest that does it; `root` by sudo where the login is another.', {
    default: 'the user of the login',
    example: 'root',
  }),
}
const common = { ...title, ...limit, ...asUser }

const command = {
  ...common,
  environment: field(environmentDocument, 'Environment variables of this step, over those of the phase.', {
    default: '`{}`',
    example: { LANG: 'C' },
  }),
  directory: field(text(), 'Folder in the guest in which it runs.', {
    default: 'the home of the user',
    example: '/srv/build',
  }),
  exitCodes: field(
    z.array(whole(0, 255)).min(1, { error: () => fault('must have at least one', 'Success is `[0]`.') }),
    'Exit codes that mean success.',
    { default: '`[0]`', example: [0, 77] },
  ),
}

const placed = {
  to: required(guestPath(), 'Where it goes in the guest. The folders above are made.', {
    example: '/etc/motd',
  }),
  mode: field(mode(), 'Access mode in octal digits, of files.', {
    default: 'as it is here',
    example: '0644',
  }),
  owner: field(owner(), 'Owner in the guest, with or without group.', {
    default: 'who writes it',
    example: 'root:adm',
  }),
}

const shellStep = z.strictObject({
  shell: required(text(), 'Command, or several lines, for `sh -e` in the guest (PowerShell over WinRM).', {
    example: 'make check',
  }),
  ...command,
})

const scriptStep = z.strictObject({
  script: required(
    localPath(),
    'File of this machine, relative to the file it is named in, run in the guest by its first line.',
    { example: './build.sh' },
  ),
  args: field(
    z.array(z.string({ error: () => fault('must be a text', 'Put it in quotes.') })),
    'Arguments.',
    {
      default: '`[]`',
      example: ['--fast'],
    },
  ),
  ...command,
})

const copyStep = z.strictObject({
  copy: required(
    z.strictObject({
      from: required(
        localPath(),
        'File or folder of this machine, relative to the file it is named in. Of a folder the content goes to `to`.',
        { example: './site' },
      ),
      ...placed,
    }),
    'Brings a file or a folder into the guest.',
  ),
  ...common,
})

const templateStep = z.strictObject({
  template: required(
    z.strictObject({
      from: required(
        localPath(),
        'Text file of this machine in which `${name}` stands for a variable of the lifecycle, `${vm.name}` for what is known of the guest, and `$${` for `${`.',
        { example: './motd' },
      ),
      ...placed,
    }),
    'Brings a text into the guest, with values in it.',
  ),
  ...common,
})

const fetchStep = z.strictObject({
  fetch: required(
    z.union(
      [
        guestPath(),
        z.strictObject({
          from: required(guestPath(), 'File, folder or pattern of the shell.', { example: '/var/log/*.log' }),
          optional: field(flag(), 'Go on without it when it is not there.', {
            default: '`false`',
            example: true,
          }),
        }),
      ],
      { error: () => fault('must be a path in the guest, or `{ from: PATH }`') },
    ),
    'Brings files from the guest into the results.',
    { example: '/var/log/*.log' },
  ),
  ...common,
})

const rebootStep = z.strictObject({
  reboot: required(
    z.literal(true, { error: () => fault('must be `true`') }),
    'Restarts the guest and waits until it can be reached again.',
    { example: true },
  ),
  ...title,
  ...limit,
})

const waitStep = z.strictObject({
  wait: required(
    z.union(
      [
        duration(),
        z.strictObject({
          port: required(whole(1, 65_535), 'Until something in the guest listens at this TCP port.', {
            example: 80,
          }),
        }),
        z.strictObject({
          path: required(guestPath(), 'Until this is there in the guest.', { example: '/run/ready' }),
        }),
        z.strictObject({
          command: required(text(), 'Until this command ends with 0 in the guest.', {
            example: 'systemctl is-active nginx',
          }),
        }),
      ],
      {
        error: () =>
          fault(
            'must be a duration, or a mapping with `port`, `path` or `command`',
            'Write `5s`, `{ port: 80 }`, `{ path: /run/ready }` or `{ command: … }`.',
          ),
      },
    ),
    'Waits for a time, or for something in the guest.',
    { example: { port: 80 } },
  ),
  ...common,
})

/** G4. One native step. A text alone is a command for the shell; `reboot` alone restarts the guest. */
export const stepDocument = z.union(
  [text(), shellStep, scriptStep, copyStep, templateStep, fetchStep, rebootStep, waitStep],
  {
    error: () =>
      fault(
        'is not a step',
        'Write a command as text, or a mapping with exactly one of `shell`, `script`, `copy`, `template`, `fetch`, `reboot`, `wait`.',
      ),
  },
)

export const stepsDocument = z.array(stepDocument)

/** G3, G4. A phase file with native steps. */
export const phaseFileDocument = z.strictObject({
  include: field(
    z.union([localPath(), z.array(localPath())], { error: () => fault('must be a path or a list of paths') }),
    'Files of the same form, relative to this one; their steps come first. This file wins with `variables` and `environment`.',
    { default: '`[]`', example: 'common.yaml' },
  ),
  variables: field(
    z.record(z.string(), z.unknown()),
    'Values for templates where the lifecycle has none of that name.',
    { default: '`{}`', example: { greeting: 'hello' } },
  ),
  environment: field(environmentDocument, 'Environment variables of all commands of this file.', {
    default: '`{}`',
    example: { LANG: 'C' },
  }),
  steps: field(stepsDocument, 'Steps, in their order.', { default: '`[]`', example: ['make check'] }),
})

export type StepDocument = z.infer<typeof stepDocument>
export type PhaseFileDocument = z.infer<typeof phaseFileDocument>
