import { stripVTControlCharacters } from 'node:util'

/** Markup that is right as it stands. Only `html` makes it, so that no text becomes markup by mistake. */
export interface Html {
  readonly markup: string
}

type Value = Html | string | number | false | undefined | readonly Value[]

/** Markup with values in it: text is escaped, for places between tags and in quoted attributes alike. */
export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html => ({
  markup: parts.map((part, index) => part + markupOf(values[index])).join(''),
})

/** For what this program itself wrote: its style sheet. */
export const trusted = (markup: string): Html => ({ markup })

function markupOf(value: Value): string {
  if (value === undefined || value === false) return ''
  if (typeof value === 'object') return 'markup' in value ? value.markup : value.map(markupOf).join('')
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
