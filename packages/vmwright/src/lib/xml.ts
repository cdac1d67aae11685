import { SaxesParser } from 'saxes'

/** An element as data. Attributes whose value is `undefined` are left out when written. */
export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlNode[]
}

export type XmlNode = XmlElement | string

type Child = XmlNode | undefined | false
type Attributes = Readonly<Record<string, string | number | undefined>>

/** Builds an element: `el('disk', { type: 'file' }, el('target', { dev: 'vda' }))`. `undefined` and `false` children are left out. */
export function el(name: string, attributes: Attributes = {}, ...children: readonly Child[]): XmlElement {
  const written = Object.entries(attributes).filter(([, value]) => value !== undefined)
  return {
    name,
    attributes: Object.fromEntries(written.map(([key, value]) => [key, String(value)])),
    children: children.filter((child) => child !== undefined && child !== false),
  }
}

/** XML text, indented, deterministic. Throws a `RangeError` for characters that XML 1.0 cannot hold. */
export function writeXml(element: XmlElement, indent = ''): string {
  const attributes = Object.entries(element.attributes).map(([key, value]) => ` ${key}='${escape(value)}'`)
  const open = `${indent}<${element.name}${attributes.join('')}`
  if (element.children.length === 0) return `${open}/>\n`
  const only = element.children[0]
  if (element.children.length === 1 && typeof only === 'string')
    return `${open}>${escape(only)}</${element.name}>\n`
  const inner = element.children.map((child) =>
    typeof child === 'string' ? `${indent}  ${escape(child)}\n` : writeXml(child, `${indent}  `),
  )
  return `${open}>\n${inner.join('')}${indent}</${element.name}>\n`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
  '\r': '&#13;',
}

function escape(text: string): string {
  // eslint-disable-next-line no-control-regex -- exactly the characters that XML 1.0 excludes
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) || !text.isWellFormed()) {
    throw new RangeError('text has a character that XML cannot hold')
  }
  return text.replaceAll(/[&<>'"\n\t\r]/g, (character) => entities[character] ?? character)
}

const maxDepth = 100

/**
 * Parses a document without DTD or external entities. Spaces between elements are left out.
 * Throws an `Error` with line and column when malformed.
 */
export function parseXml(text: string): XmlElement {
  type Open = { name: string; attributes: Record<string, string>; children: XmlNode[] }
  const root: Open = { name: '', attributes: {}, children: [] }
  const stack: Open[] = [root]
  const parser = new SaxesParser({ xmlns: false, position: true })
  parser.on('doctype', () => parser.fail('a document type is not accepted'))
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', (tag) => {
    if (stack.length > maxDepth) parser.fail('elements are nested too deeply')
    const element: Open = { name: tag.name, attributes: { ...tag.attributes }, children: [] }
    stack.at(-1)?.children.push(element)
    stack.push(element)
  })
  parser.on('closetag', () => {
    const closed = stack.pop()
    if (closed?.children.some((child) => typeof child !== 'string'))
      closed.children = closed.children.filter((child) => typeof child !== 'string' || child.trim() !== '')
  })
  const addText = (data: string): void => {
    if (stack.length > 1) stack.at(-1)?.children.push(data)
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.write(text).close()
  const element = root.children[0]
  if (element === undefined || typeof element === 'string')
    throw new Error('the document has no root element')
  return element
}

/** The elements of that name directly below. */
export const childrenOf = (element: XmlElement | undefined, name: string): readonly XmlElement[] =>
  element?.children.filter(
    (child): child is XmlElement => typeof child !== 'string' && child.name === name,
  ) ?? []

/** The first element at a path of names: `find(domain, 'devices', 'disk')`. */
export function find(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => childrenOf(at, name)[0], element)
}

/** The text of the element at a path; `undefined` when there is no such element. */
export function textAt(element: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  return find(element, ...path)
    ?.children.filter((child) => typeof child === 'string')
    .join('')
}
