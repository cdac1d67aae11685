import { expandRange, type Inventory, InventoryBuilder } from './inventory.ts'
import { SourceFault } from './fault.ts'
import type { MapValue, Place, Value } from './value.ts'

/** Whether a text reads as an INI inventory: its first line that is no comment is a section, or there is one later. */
export const looksLikeIni = (text: string): boolean =>
  /^[ \t]*\[[A-Za-z0-9_.-]+(:(vars|children))?\][ \t]*([#;].*)?$/m.test(text)

/**
 * Reads a static INI inventory: hosts with `key=value`, `[group]`, `[group:vars]`, `[group:children]`, ranges.
 * Throws `SourceFault` at a line that is none of these; no value is in the message.
 */
export function readIni(file: string, text: string): Inventory {
  const building = new InventoryBuilder()
  let section = { name: 'ungrouped', kind: 'hosts' }
  building.group('ungrouped', { file, line: 1 })
  building.group('all', { file, line: 1 })
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const place: Place = { file, line: index + 1 }
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const head = /^\[([^\]:]+)(?::(vars|children|hosts))?\]\s*(?:[#;].*)?$/.exec(line)
    if (head !== null) {
      section = { name: (head[1] ?? '').trim(), kind: head[2] ?? 'hosts' }
      building.group(section.name, place)
      continue
    }
    if (line.startsWith('[')) throw new SourceFault(place, 'is not a section of an inventory')
    if (section.kind === 'vars') building.groupVars(section.name, variablesOf([line], place))
    else if (section.kind === 'children') {
      const child = wordsOf(line)?.[0]
      if (child === undefined) throw new SourceFault(place, 'has a quote that is not closed')
      building.group(child, place)
      building.child(section.name, child)
    } else {
      const words = wordsOf(line)
      if (words === undefined) throw new SourceFault(place, 'has a quote that is not closed')
      const [pattern = '', ...settings] = words
      for (const host of expandRange(pattern)) building.host(section.name, host, variablesOf(settings, place))
    }
  }
  return building.done()
}

/** `a=1 b='two words'` into `a=1` and `b=two words`; a comment ends the line. */
function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = []
  let word = ''
  let quote = ''
  let hasWord = false
  for (const sign of line) {
    if (quote !== '') {
      if (sign === quote) quote = ''
      else word += sign
    } else if (sign === "'" || sign === '"') {
      quote = sign
      hasWord = true
    } else if (/\s/.test(sign)) {
      if (hasWord || word !== '') words.push(word)
      word = ''
      hasWord = false
    } else if (sign === '#' && word === '' && !hasWord) break
    else word += sign
  }
  if (quote !== '') return undefined
  if (hasWord || word !== '') words.push(word)
  return words
}

function variablesOf(settings: readonly string[], place: Place): MapValue {
  const entries = new Map<string, Value>()
  for (const setting of settings) {
    const at = setting.indexOf('=')
    if (at < 1) throw new SourceFault(place, 'has a word that is no `name=value`')
    const name = setting.slice(0, at).trim()
    if (name !== '__proto__')
      entries.set(name, { kind: 'scalar', value: literalOf(setting.slice(at + 1).trim()), place })
  }
  return { kind: 'map', entries, place }
}

/** Ansible reads the values of an INI inventory as Python literals where it can. */
function literalOf(text: string): string | number | boolean | null {
  if (/^(['"]).*\1$/.test(text)) return text.slice(1, -1)
  if (/^-?(0|[1-9]\d{0,14})$/.test(text)) return Number(text)
  if (text === 'True') return true
  if (text === 'False') return false
  return text
}
