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
    const line = raw.trim()
    const indent = raw.length - raw.trimStart().length
    const place: Place = { file, line: index + 1, column: indent + 1 }
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const head = /^\[([^\]:]+)(?::(vars|children|hosts))?\]\s*(?:[#;].*)?$/.exec(line)
    if (head !== null) {
      section = { name: (head[1] ?? '').trim(), kind: head[2] ?? 'hosts' }
      building.group(section.name, place)
      continue
    }
    if (line.startsWith('[')) throw new SourceFault(place, 'is not a section of an inventory')
    if (section.kind === 'vars') building.groupVars(section.name, variablesOf([{ text: line, at: 0 }], place))
    else if (section.kind === 'children') {
      const child = wordsOf(line)?.[0]?.text
      if (child === undefined) throw new SourceFault(place, 'has a quote that is not closed')
      building.group(child, place)
      building.child(section.name, child)
    } else {
      const words = wordsOf(line)
      if (words === undefined) throw new SourceFault(place, 'has a quote that is not closed')
      const [pattern, ...settings] = words
      for (const host of expandRange(pattern?.text ?? ''))
        building.host(section.name, host, variablesOf(settings, place))
    }
  }
  return building.done()
}

interface Word {
  readonly text: string
  /** Where it begins in the line, from 0. */
  readonly at: number
}

/** `a=1 b='two words'` into `a=1` and `b=two words`; a comment ends the line. */
function wordsOf(line: string): readonly Word[] | undefined {
  const words: Word[] = []
  let text = ''
  let at = -1
  let quote = ''
  const end = (): void => {
    if (at !== -1) words.push({ text, at })
    text = ''
    at = -1
  }
  for (let index = 0; index < line.length; index++) {
    const sign = line.charAt(index)
    if (quote !== '') {
      if (sign === quote) quote = ''
      else text += sign
      continue
    }
    if (/\s/.test(sign)) {
      end()
      continue
    }
    if (sign === '#' && at === -1) break
    if (at === -1) at = index
    if (sign === "'" || sign === '"') quote = sign
    else text += sign
  }
  if (quote !== '') return undefined
  end()
  return words
}

function variablesOf(settings: readonly Word[], line: Place): MapValue {
  const entries = new Map<string, Value>()
  for (const { text, at: start } of settings) {
    const place = { ...line, column: (line.column ?? 1) + start }
    const at = text.indexOf('=')
    if (at < 1) throw new SourceFault(place, 'has a word that is no `name=value`')
    const name = text.slice(0, at).trim()
    if (name !== '__proto__')
      entries.set(name, { kind: 'scalar', value: literalOf(text.slice(at + 1).trim()), place })
  }
  return { kind: 'map', entries, place: line }
}

/** Ansible reads the values of an INI inventory as Python literals where it can. */
function literalOf(text: string): string | number | boolean | null {
  if (/^(['"]).*\1$/.test(text)) return text.slice(1, -1)
  if (/^-?(0|[1-9]\d{0,14})$/.test(text)) return Number(text)
  if (text === 'True') return true
  if (text === 'False') return false
  return text
}
