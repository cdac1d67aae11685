import type { StepRun } from '@vmwright/contract'
import type { GuestChannel, OutputStream } from '../../guest/channel.ts'
import type { GuestConnector } from '../../guest/connector.ts'
import type { PhaseContext } from '../run.ts'

export interface RecordedContext extends PhaseContext {
  readonly told: StepRun[]
  readonly lines: { readonly stream: OutputStream; readonly text: string }[]
  /** All output as one text. */
  output(): string
}

/** What a phase is run with, and a record of what it told. */
export function recordedContext(
  given: Partial<PhaseContext> & {
    readonly open?: () => Promise<GuestChannel>
    readonly ansible?: GuestConnector['ansible']
  } = {},
): RecordedContext {
  const told: StepRun[] = []
  const lines: RecordedContext['lines'] = []
  const open = given.open ?? (() => Promise.reject(new Error('no channel')))
  let current: GuestChannel | undefined
  const connector: GuestConnector = {
    kind: 'ssh',
    description: 'web by SSH',
    open,
    awaitReachable: async () => {},
    ansible: given.ansible ?? (async () => ({ inventory: {}, files: [] })),
  }
  return {
    connector,
    channel: {
      async current() {
        if (current?.alive !== true) current = await open()
        return current
      },
    },
    guest: 'web',
    facts: { platform: 'debian', target: 'amd64', host: 'rack1' },
    variables: {},
    environment: {},
    secrets: {},
    fetchFolder: '/nowhere',
    onOutput: (stream, text) => lines.push({ stream, text }),
    onStep: (step) => told.push(step),
    ...given,
    told,
    lines,
    output: () => lines.map(({ text }) => text).join(''),
  }
}
