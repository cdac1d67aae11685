import type { NetworkDocument } from '@vmwright/contract'
import { edgesOf, formatCidr, parseCidr } from './ip.ts'
import type { Path } from './node.ts'
import type { Report } from './report.ts'
import type { ForwardingSpec } from './resolved-places.ts'

/** K6. The rules of our own for a network; `undefined` where the hypervisor makes its own. */
export function resolveForwarding(
  { mode, interface: device, forwarding }: NetworkDocument,
  at: Path,
  report: Report,
): ForwardingSpec | undefined {
  if (forwarding === undefined) return undefined
  const path = [...at, 'forwarding']
  const { outside, masquerade, to = [], from = [] } = forwarding
  if (outside !== undefined && device !== undefined && outside !== device)
    report.at(
      [...path, 'outside'],
      'is another interface than `interface` of the network',
      'Remove one of the two.',
    )
  if (mode === 'nat' && masquerade === false)
    report.at([...path, 'masquerade'], 'cannot be `false` with `mode: nat`', 'Write `mode: routed`.')
  if (mode === 'routed' && masquerade === true)
    report.at([...path, 'masquerade'], 'cannot be `true` with `mode: routed`', 'Write `mode: nat`.')
  return {
    outside: outside ?? device,
    masquerade: masquerade ?? mode === 'nat',
    to: readBlocks(to, [...path, 'to'], report),
    from: from === 'any' ? ['0.0.0.0/0', '::/0'] : readBlocks(from, [...path, 'from'], report),
  }
}

function readBlocks(texts: readonly string[], at: Path, report: Report): readonly string[] {
  const blocks = texts.flatMap((text, index) => {
    const cidr = parseCidr(text)
    if (cidr === undefined) {
      report.at([...at, index], 'is not a block of addresses', 'Write `192.168.24.0/24` or `fd00:24::/64`.')
      return []
    }
    const start = { ...cidr, value: edgesOf(cidr).first }
    if (start.value !== cidr.value)
      report.at(
        [...at, index],
        'is an address within a block, not the block',
        `Write \`${formatCidr(start)}\`, or the address with /${cidr.family === 4 ? 32 : 128}.`,
      )
    return [formatCidr(start)]
  })
  return [...new Set(blocks)]
}
