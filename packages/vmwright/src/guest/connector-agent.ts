import type { Progress } from '../lib/progress.ts'
import { openAgentChannel } from './channel-agent.ts'
import type { ConnectorContext, GuestConnector } from './connector.ts'
import { ansibleOverAgent } from './connector-ansible.ts'
import { pingAgent } from './agent.ts'

export function agentConnector({ name, access, connection, libvirtUri }: ConnectorContext): GuestConnector {
  const description = `${name} by the guest agent`
  const open = (progress: Progress) => openAgentChannel(progress, { name, access })
  return {
    kind: 'agent',
    description,
    open,
    async awaitReachable(progress) {
      const limited = progress.child({ timeoutMs: connection.timeoutMs })
      const look = async (): Promise<true | undefined> =>
        (await pingAgent(limited, access)) ? true : undefined
      await limited.poll({ everyMs: 250, what: description }, look, 'guest.agent-silent')
      return connection.wait === 'connection' ? await open(limited) : undefined
    },
    ansible: async () => ansibleOverAgent(name, libvirtUri),
  }
}
