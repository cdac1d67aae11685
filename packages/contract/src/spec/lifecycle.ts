import * as z from 'zod'
import {
  absolutePath,
  architectureName,
  duration,
  fault,
  field,
  flag,
  localPath,
  oneOf,
  secret,
  size,
  text,
  whole,
} from './field.ts'
import { environmentDocument, stepsDocument } from './steps.ts'

/** G6. */
const action = () =>
  oneOf([
    'startup',
    'restore-init',
    'restore-clean',
    'create-clean',
    'dependencies',
    'init',
    'create-init',
    'main',
    'terminate',
    'shutdown',
  ])

const environmentName = () =>
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, {
    error: () =>
      fault(
        'is not the name of an environment variable',
        'Use letters, digits and `_`, not beginning with a digit.',
      ),
  })

const phase = (what: string) => field(stepsDocument, `Steps of the phase \`${what}\`.`)

const phasesDocument = z.union(
  [
    localPath(),
    z.strictObject({
      folder: field(
        localPath(),
        'Folder in which the file of each phase is looked up: `PLATFORM/TARGET/`, then `PLATFORM/`, then the folder itself.',
        { default: 'none', example: './phases' },
      ),
      dependencies: phase('dependencies'),
      init: phase('init'),
      main: phase('main'),
      terminate: phase('terminate'),
    }),
  ],
  { error: () => fault('must be a folder, or a mapping of phases to steps', 'Write `phases: ./phases`.') },
)

const kinds = ['ssh', 'agent', 'winrm'] as const

const connectionDocument = z.union(
  [
    oneOf(kinds),
    z.strictObject({
      kind: field(
        oneOf(kinds),
        '`agent` goes through the hypervisor to the guest agent, without a network, as root.',
        { default: '`ssh`', example: 'agent' },
      ),
      user: field(text(), 'Who to log in as; required for `winrm`.', {
        default: 'the user that vmwright made',
        example: 'root',
      }),
      password: field(secret(), 'Password of that user; required for `winrm`.', {
        default: 'none: by key',
        example: { env: 'GUEST_PASSWORD' },
      }),
      identityFile: field(localPath(), 'Private key for `ssh`.', {
        default: "vmwright's own",
        example: '~/.ssh/id_ed25519',
      }),
      port: field(whole(1, 65535), 'TCP port of `ssh` or `winrm`.', {
        default: '`22`; `5986` for `winrm`, `5985` without `tls`',
        example: 2222,
      }),
      tls: field(flag(), 'Encrypt `winrm` with TLS.', { default: '`true`', example: false }),
      jump: field(
        z.array(text()).max(8),
        'Machines that `ssh` passes through, in this order: names of instances, or `user@host:port`.',
        { default: '`[]`', example: ['bastion', 'me@gate.example:2222'] },
      ),
      timeout: field(duration(), 'How long a connection is tried for.', { default: '`2m`', example: '10m' }),
      wait: field(
        oneOf(['connection', 'port']),
        'What counts as reachable: a login, or an open port that speaks SSH.',
        { default: '`connection`', example: 'port' },
      ),
    }),
  ],
  { error: () => fault('must be `ssh`, `agent`, `winrm` or a mapping with `kind`') },
)

const revision = () => {
  const error = (): string =>
    fault(
      'must be `auto`, a whole number or a short text',
      'Use letters, digits, `.`, `_` and `-`, at most 64.',
    )
  return z.union(
    [z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, { error }), z.int({ error }).min(0, { error })],
    {
      error,
    },
  )
}

export const lifecycleDocument = z
  .strictObject({
    revision: field(
      revision(),
      'What the snapshot cache goes by. `auto`: everything that a layer depends on. A number or text: that alone, and you raise it when a layer is to be made anew.',
      { default: '`auto`', example: 7 },
    ),
    allow: field(
      z.array(action()),
      'All that a run may do: `startup`, `restore-init`, `restore-clean`, `create-clean`, `dependencies`, `init`, `create-init`, `main`, `terminate`, `shutdown`; always in this order.',
      { default: 'all of them', example: ['startup', 'restore-init', 'main', 'terminate'] },
    ),
    skip: field(
      z.array(action()),
      'Instead of `allow`: all but these. The nearest level that has one of the two decides.',
      { default: '`[]`', example: ['shutdown'] },
    ),
    phases: field(
      phasesDocument,
      'What is run in the guest: a folder with files of phases, or steps that stand here, or both; steps that stand here win over files.',
      { default: 'none', example: './phases' },
    ),
    variables: field(
      z.record(text(), z.unknown()),
      'For templates and Ansible: any data. Never secrets: these belong into `secrets`.',
      { default: '`{}`', example: { package: 'hello', versions: [1, 2] } },
    ),
    environment: field(environmentDocument, 'Environment variables of every command in the guest.', {
      default: '`{}`',
      example: { DEBIAN_FRONTEND: 'noninteractive' },
    }),
    secrets: field(
      z.record(environmentName(), secret()),
      'Environment variables with secrets: given to commands, kept from logs, arguments and the cache.',
      { default: '`{}`', example: { API_TOKEN: { env: 'API_TOKEN' } } },
    ),
    connection: field(
      connectionDocument,
      'How steps reach the guest. `ssh`, `agent` or `winrm` alone is short for `kind`.',
      { default: '`ssh`', example: 'agent' },
    ),
    memory: field(
      oneOf(['auto', 'require', 'never']),
      'Whether snapshots hold the memory, so that a restored guest runs at once. `auto`: where the host and the firmware can; `require`: fail where they cannot.',
      { default: '`auto`', example: 'never' },
    ),
    cloudInit: field(
      oneOf(['first-boot', 'every-boot']),
      'When cloud-init runs in a guest whose snapshots do not hold the memory. `first-boot`: no more once it has done its work, so that the guest starts sooner; `every-boot`: always.',
      { default: '`first-boot`', example: 'every-boot' },
    ),
    shutdown: field(
      z.strictObject({
        attempts: field(
          whole(0, 1000),
          'How often the guest is asked to shut down before it is switched off.',
          {
            default: '`10`',
            example: 3,
          },
        ),
        delay: field(duration(), 'Time after each.', { default: '`5s`', example: '10s' }),
      }),
      'How the guest is shut down at the end.',
    ),
    phaseTimeout: field(duration(), 'Limit of each phase; steps may have shorter ones.', {
      default: '`1h`',
      example: '20m',
    }),
    results: field(localPath(), 'Folder of results on this machine; each run makes one of its own in it.', {
      default: '`results` beside the spec',
      example: './results',
    }),
  })
  .meta({ id: 'lifecycle' })

/** G7. Of the processor of an instance. */
export const processorSettings = {
  architecture: field(
    architectureName(),
    "Architecture of the guest, as libvirt spells it. One that the host's processor does not have is emulated, slowly, whatever `acceleration` of the host says. The image is then the one of that name and architecture, `debian-12.aarch64` for `debian-12`, where there is one.",
    { default: 'that of the host', example: 'aarch64' },
  ),
  cpu: field(
    text(),
    "Model of the CPU, as libvirt names it; `host` for the host's own, under emulation for one that runs fast.",
    { default: '`host`', example: 'cortex-a57' },
  ),
  emulator: field(absolutePath(), 'Path of the emulator on the host.', {
    default: "libvirt's choice",
    example: '/usr/bin/qemu-system-aarch64',
  }),
}

export const budgetDocument = z.strictObject({
  memory: field(size(), 'Memory of all guests that run at once, on each host.', {
    default: 'what the host has free',
    example: '16GiB',
  }),
  vcpus: field(whole(1, 65536), 'Virtual CPUs of all guests that run at once, on each host.', {
    default: 'what the host has',
    example: 8,
  }),
  guests: field(whole(1, 10_000), 'Guests that run at once, over all hosts.', {
    default: 'no limit',
    example: 4,
  }),
})
