import type { HostNetworkFacts } from '../../../host/network.ts'

/** `ss -Hlntup 'sport = :53'`: kind, state, two queues, local address, peer, processes. */
export function parseDnsListeners(lines: readonly string[]): HostNetworkFacts['dnsListeners'] {
  const found = new Map<string, string | undefined>()
  for (const line of lines) {
    const local = line.trim().split(/\s+/)[4]
    if (local === undefined || !local.endsWith(':53')) continue
    // `*` listens for both families, `127.0.0.53%lo` on one interface.
    const host = local
      .slice(0, -':53'.length)
      .replace(/%[^\]]*/, '')
      .replace(/^\[(.*)\]$/, '$1')
    const address = host === '*' ? '::' : host
    const program = /users:\(\("([^"]*)"/.exec(line)?.[1]
    found.set(address, found.get(address) ?? program)
  }
  return [...found].map(([address, program]) => ({ address, program }))
}
