import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { childrenOf, el, find, parseXml, textAt, writeXml } from './xml.ts'

/** Any text that XML 1.0 can hold. */
const xmlText = fc
  .string({ unit: 'binary', maxLength: 30 })
  // eslint-disable-next-line no-control-regex -- exactly the characters that XML 1.0 excludes
  .map((text) => text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').toWellFormed())

describe('XML', () => {
  it('brings back 1,000 random texts and attributes as they were', () => {
    fc.assert(
      fc.property(xmlText, xmlText, (attribute, text) => {
        const written = writeXml(el('a', { b: attribute }, el('c', {}, text)))
        const read = parseXml(written)
        expect(read.attributes['b']).toBe(attribute)
        expect(textAt(read, 'c')).toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['markup', `<&>"']]>`],
    ['line ends and tabs', 'a\r\nb\tc\n'],
    ['spaces around', '  a  '],
    ['nothing but spaces', '   '],
    ['a line end alone', '\n'],
    ['beyond the first plane', '😀'],
    ['an entity as text', '&amp;lt;'],
  ])('brings back %s', (_what, text) => {
    const read = parseXml(writeXml(el('a', { b: text }, text)))
    expect(read.attributes['b']).toBe(text)
    expect(textAt(read)).toBe(text)
  })

  it('writes elements indented, in order, without what is absent', () => {
    const disk = el(
      'disk',
      { type: 'file', device: undefined, index: 1 },
      undefined,
      false,
      el('target', { dev: 'vda' }),
    )
    expect(writeXml(el('devices', {}, disk, el('name', {}, 'a & b')))).toBe(
      `<devices>
  <disk type='file' index='1'>
    <target dev='vda'/>
  </disk>
  <name>a &amp; b</name>
</devices>
`,
    )
  })

  it.each(['\u0000', '\u001b', '\ufffe', '\ud800'])('refuses to write %j, which XML cannot hold', (text) => {
    expect(() => writeXml(el('a', {}, text))).toThrow(RangeError)
    expect(() => writeXml(el('a', { b: text }))).toThrow(RangeError)
  })

  it.each([
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['an unknown entity', '<a>&b;</a>'],
    ['an unclosed element', '<a><b></a>'],
    ['nothing', ''],
    ['two roots', '<a/><b/>'],
    ['deep nesting', '<a>'.repeat(5_000) + '</a>'.repeat(5_000)],
  ])('refuses to read %s', (_what, text) => {
    expect(() => parseXml(text)).toThrow(Error)
  })

  it('finds elements by path', () => {
    const domain = parseXml(
      "<domain><devices><disk n='1'/><disk n='2'/></devices><name>web</name><os/></domain>",
    )
    expect(find(domain, 'devices', 'disk')?.attributes).toEqual({ n: '1' })
    expect(childrenOf(find(domain, 'devices'), 'disk').length).toBe(2)
    expect(textAt(domain, 'name')).toBe('web')
    expect(textAt(domain, 'os')).toBe('')
    expect(textAt(domain, 'none', 'such')).toBeUndefined()
  })
})
