import * as z from 'zod'
import { absolutePath, duration, fault, field, flag, localPath, required, secret, text } from './field.ts'

const fileReference = (what: string, example: string) =>
  z.strictObject({ file: required(localPath(), what, { example }) })

const command = z.union([text(), z.array(text()).min(1)], {
  error: () => fault('must be a command: a text, or a list of texts', 'Put it in quotes.'),
})

const anything = z.record(z.string(), z.unknown(), { error: () => fault('must be a mapping') })

export const cloudInitDocument = z
  .strictObject({
    user: field(
      z.strictObject({
        name: field(
          z.string().regex(/^[A-Za-z_][A-Za-z0-9_. -]{0,31}$/, {
            error: () =>
              fault('is not a user name', 'Use lower-case letters, digits, `_` and `-`, at most 32.'),
          }),
          'Name of the user: lower-case letters, digits, `_` and `-`; for Windows capitals, dots and spaces too.',
          { default: '`user` of the image or template; `Administrator` for Windows', example: 'debian' },
        ),
        password: field(
          secret(),
          'Password in clear. Better from the environment or a file than in the spec.',
          { default: 'none: the password is locked', example: { env: 'VM_PASSWORD' } },
        ),
        hashedPassword: field(
          secret(),
          'Password as crypt(3) hash, instead of `password`; `openssl passwd -6` makes one.',
          { default: 'none', example: { file: '~/.secrets/vm.crypt' } },
        ),
        sudo: field(text(), 'Rule in sudoers.', {
          default: '`ALL=(ALL) NOPASSWD:ALL` without a password, else `ALL=(ALL) ALL`',
          example: 'ALL=(ALL) NOPASSWD:ALL',
        }),
        shell: field(absolutePath(), 'Login shell.', { default: '`/bin/bash`', example: '/bin/sh' }),
        groups: field(z.array(text()), 'Groups beside its own.', {
          default: '`[sudo]`',
          example: ['sudo', 'adm'],
        }),
        sshKeys: field(
          z.array(
            z.union([text(), fileReference('File with public keys, one a line.', '~/.ssh/id_ed25519.pub')], {
              error: () => fault('must be a public key or `{ file: PATH }`'),
            }),
          ),
          'SSH public keys: the line itself, or the file that has it.',
          { default: '`[]`', example: [{ file: '~/.ssh/id_ed25519.pub' }] },
        ),
      }),
      'The user of the guest.',
    ),
    injectOwnKey: field(
      flag(),
      'Authorise the key that vmwright makes for the project, so that `vmwright ssh` works without set-up.',
      { default: '`true`', example: false },
    ),
    rootPassword: field(secret(), 'Password of root in clear, for the console.', {
      default: 'none: the password is locked',
      example: { env: 'ROOT_PASSWORD' },
    }),
    sshPasswordAuth: field(flag(), 'Let SSH accept passwords.', { default: '`false`', example: true }),
    disableRoot: field(flag(), 'Refuse SSH logins of root.', { default: '`true`', example: false }),
    manageEtcHosts: field(flag(), "Let cloud-init keep the guest's own name in /etc/hosts.", {
      default: '`true`',
      example: false,
    }),
    timezone: field(text(), 'Time zone.', { default: '`UTC`', example: 'Europe/Berlin' }),
    locale: field(text(), 'Locale. Any other than `C.UTF-8` is generated at first boot, which takes time.', {
      default: '`C.UTF-8`',
      example: 'en_US.UTF-8',
    }),
    packageUpdate: field(flag(), 'Fetch package lists at first boot.', {
      default:
        '`true` when `packages` are asked for, else `false`: a first boot needs no network of packages',
      example: true,
    }),
    packageUpgrade: field(flag(), 'Upgrade all packages at first boot.', {
      default: '`false`',
      example: true,
    }),
    packageRebootIfRequired: field(flag(), 'Restart the guest when an upgrade asks for it.', {
      default: '`false`',
      example: true,
    }),
    apt: field(anything, "As cloud-init's `apt` key.", {
      default: "the image's own",
      example: { preserve_sources_list: true },
    }),
    packages: field(z.array(text()), 'Packages to install at first boot.', {
      default: '`[]`',
      example: ['curl'],
    }),
    bootcmd: field(z.array(command), 'Commands early in each boot.', {
      default: '`[]`',
      example: ['echo booting'],
    }),
    runcmd: field(z.array(command), 'Commands late in the first boot; a list is run without a shell.', {
      default: '`[]`',
      example: [['systemctl', 'enable', '--now', 'nginx']],
    }),
    writeFiles: field(
      z.array(
        z.strictObject({
          path: required(absolutePath(), 'Path in the guest.', { example: '/etc/motd' }),
          content: required(
            z.union([z.string(), fileReference('File to take the content from, UTF-8.', './motd')], {
              error: () => fault('must be a text or `{ file: PATH }`'),
            }),
            'Content.',
            { example: 'Welcome.\n' },
          ),
          owner: field(text(), 'Owner and group.', { default: '`root:root`', example: 'root:adm' }),
          permissions: field(
            z
              .string({ error: () => fault('must be octal digits as text', "Put them in quotes: '0644'.") })
              .regex(/^0?[0-7]{3,4}$/, {
                error: () => fault('must be octal digits', "Write '0644'."),
              }),
            'Mode in octal, in quotes.',
            { default: "`'0644'`", example: '0600' },
          ),
          append: field(flag(), 'Append instead of replace.', { default: '`false`', example: true }),
          defer: field(flag(), 'Write after users and packages are there.', {
            default: '`false`',
            example: true,
          }),
        }),
      ),
      'Files to write at first boot.',
      { default: '`[]`', example: [{ path: '/etc/motd', content: 'Welcome.\n' }] },
    ),
    finalMessage: field(
      text(),
      'Last line on the console; `$timestamp` and `$uptime` are replaced by cloud-init.',
      {
        default: '`vmwright: cloud-init finished at $timestamp after $uptime seconds`',
        example: 'ready at $timestamp',
      },
    ),
    networkdWaitOnline: field(
      duration(),
      'Limit of systemd-networkd-wait-online, which holds up the boot when an interface has no link.',
      { default: "the image's own", example: '30s' },
    ),
    raw: field(
      anything,
      'Anything cloud-init knows, as in a `#cloud-config` file; merged over all the rest.',
      {
        default: '`{}`',
        example: { swap: { filename: '/swapfile', size: '1G' } },
      },
    ),
  })
  .meta({ id: 'cloudInit' })
