import type { Progress } from '../../../../lib/progress.ts'
import type { BridgeDefinition, HostBridges } from '../../../host/bridges.ts'
import type { HostShell } from '../../host-shell.ts'
import { readChange, reversed } from './change.ts'
import { type BridgeFacts, parseFacts } from './facts.ts'
import { factsScript, recordsScript } from './facts-script.ts'
import { planChange, stateOf } from './plan-change.ts'
import { lacking, refused, runAsRoot, runChange } from './run-change.ts'
import { forgetScript, settleScript } from './run-scripts.ts'

/** Bridges over interfaces of a Linux host, through whatever runs its network. How it is kept safe: `worker-script.ts`. */
export function hostBridges(shell: HostShell): HostBridges {
  return {
    inspect: async (progress, bridge) => stateOf(await look(shell, progress, bridge), bridge),
    async make(progress, bridge) {
      for (;;) {
        const facts = await lookWhenQuiet(shell, progress, bridge)
        if (stateOf(facts, bridge).state === 'present') return
        const change = planChange(facts, bridge)
        if ('whyNot' in change) throw refused(shell, bridge.name, 'make', change.whyNot)
        if ((await runChange(shell, progress, change, 'make')) === 'done') return
      }
    },
    async remove(progress, bridge) {
      for (;;) {
        const facts = await lookWhenQuiet(shell, progress, bridge)
        if (facts.record === undefined) return
        const made = readChange(facts.record)
        // What was not configured went with the last restart.
        const isGone = made.manager === 'none' && facts.bridge === undefined
        const back = reversed({
          ...made,
          bridge: { ...made.bridge, confirmWithinMs: bridge.confirmWithinMs },
        })
        if (isGone || (await runChange(shell, progress, back, 'remove')) === 'done') break
      }
      await runAsRoot(shell, progress, {
        script: forgetScript,
        arguments: [bridge.name],
        effect: { kind: 'shell.forget-bridge', object: bridge.name, mutates: true },
      })
    },
    async made(progress) {
      const lines = await runAsRoot(shell, progress, {
        script: recordsScript,
        effect: { kind: 'shell.list-bridges', object: shell.host, mutates: false },
      })
      return lines
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => readChange(Buffer.from(line, 'base64').toString()).bridge)
    },
  }
}

async function look(shell: HostShell, progress: Progress, bridge: BridgeDefinition): Promise<BridgeFacts> {
  const output = await runAsRoot(shell, progress, {
    script: factsScript,
    arguments: [bridge.interface, bridge.name],
    effect: { kind: 'shell.inspect-bridge', object: bridge.name, mutates: false },
  })
  const tool = /^lacking (.*)$/m.exec(output)?.[1]
  if (tool !== undefined) throw lacking(shell, tool)
  return parseFacts(output)
}

/** Within this every run ends, because its guard sees to it. */
const otherRunMs = 300_000

/** The facts once no other run goes on; what was left unfinished is brought to its end first. */
async function lookWhenQuiet(
  shell: HostShell,
  progress: Progress,
  bridge: BridgeDefinition,
): Promise<BridgeFacts> {
  const limited = progress.child({ timeoutMs: bridge.confirmWithinMs + otherRunMs })
  return limited.poll(
    { everyMs: 1_000, what: `other changes of bridges on host ${shell.host} to end` },
    async () => {
      const facts = await look(shell, limited, bridge)
      if (facts.runs.length === 0) return facts
      if (facts.runs.some(({ kind }) => kind === 'stale'))
        await runAsRoot(shell, limited, {
          script: settleScript,
          effect: { kind: 'shell.settle-bridges', object: bridge.name, mutates: true },
        })
      return undefined
    },
    'host.busy',
  )
}
