import { stripVTControlCharacters } from 'node:util'

/** Markup that is right as it stands. Only `markup` makes it, so that no text becomes markup by mistake. */
export interface Markup {
  readonly text: string
}

type Value = Markup | string | number | false | undefined | readonly Value[]

/** Markup with values in it: text is escaped, for places between tags and in quoted attributes alike. */
export const markup = (parts: TemplateStringsArray, ...values: readonly Value[]): Markup => ({
  text: parts.map((part, index) => part + textOf(values[index])).join(''),
})

/** For what this program itself wrote: its style sheet. */
export const trusted = (text: string): Markup => ({ text })

function textOf(value: Value): string {
  if (value === undefined || value === false) return ''
  if (typeof value === 'object') return 'text' in value ? value.text : value.map(textOf).join('')
  return escapeHtml(String(value))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Without colours of a terminal and other control characters, which a page cannot show. */
export const escapeHtml = (text: string): string =>
  stripVTControlCharacters(text)
    .toWellFormed()
    // oxlint-disable-next-line no-control-regex -- exactly these
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
    .replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? sign)

/** A path as a link relative to the page; `./` keeps a first part with a colon from being a scheme. */
export const linkTo = (path: string): string => `./${path.split('/').map(encodeURIComponent).join('/')}`
