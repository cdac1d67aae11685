import { childrenOf, find, type XmlElement } from '../../lib/xml.ts'

/** What an interface keeps of the model's: all that the guest sees, and how fast it may be. */
const kept = [
  'model',
  'driver',
  'rom',
  'boot',
  'mtu',
  'bandwidth',
  'link',
  'coalesce',
  'guest',
  'tune',
  'alias',
  'address',
]

/**
 * The wanted interfaces, each with the card of the model's at the same position: the guest names them by model and
 * PCI address. Those beyond the model's are as wanted; those that are not wanted go.
 */
export const basedInterfaces = (model: XmlElement, wanted: XmlElement): readonly XmlElement[] =>
  childrenOf(wanted, 'interface').map((own, index) => {
    const card = childrenOf(model, 'interface')[index]
    if (card === undefined) return own
    const ours = ['mac', 'source'].map((name) => find(own, name)).filter((child) => child !== undefined)
    const theirs = card.children.filter((child) => typeof child !== 'string' && kept.includes(child.name))
    return { ...own, children: [...ours, ...theirs] }
  })
