import type { ImageDocument } from '@vmwright/contract'
import { imageFor } from './catalogue.ts'
import type { Member } from './groups.ts'
import { hintForUnknown } from './nearest.ts'
import type { Report } from './report.ts'
import type { TemplateSpec } from './resolved.ts'

/** What an instance is made of, as far as it can be told. */
export type Source =
  | { readonly kind: 'image'; readonly id: string }
  | { readonly kind: 'template'; readonly template: TemplateSpec }
  /** Something is wrong with it that has been told. */
  | { readonly kind: 'unclear' }

export interface SourceContext {
  readonly templates: readonly TemplateSpec[]
  /** Keys of images for the hint: those of the spec and of the catalogue. */
  readonly imageKeys: readonly string[]
  readonly images: Readonly<Record<string, ImageDocument>>
  readonly report: Report
}

/** The image or template that the nearest level names: override, group, or `defaults`. */
export function pickSource(member: Member, context: SourceContext): Source {
  const { settings, layers } = member
  const { report } = context
  const level = layers.find((layer) =>
    ['image', 'template'].some((field) => report.isWritten([...layer, field])),
  )
  if (level === undefined) {
    tellMissing(member, context)
    return { kind: 'unclear' }
  }
  const image = report.find([level], ['image'])
  const template = report.find([level], ['template'])
  if (image !== undefined && template !== undefined) {
    report.atKey(template, 'cannot stand beside `image`', 'Remove one of the two.')
    return { kind: 'unclear' }
  }
  if (image !== undefined && settings.image !== undefined) {
    const id = imageFor(settings.image, settings.architecture, context.images)
    if (id !== undefined) return { kind: 'image', id }
    report.at(
      image,
      `is in the catalogue, but not for \`${settings.architecture ?? ''}\``,
      `Declare \`${settings.image}.${settings.architecture ?? ''}\` in \`images\`, with \`url\` or \`file\`.`,
    )
    return { kind: 'unclear' }
  }
  if (template === undefined || settings.template === undefined) return { kind: 'unclear' }
  const picked = pickTemplate(settings.template, member, context)
  return picked === undefined ? { kind: 'unclear' } : { kind: 'template', template: picked }
}

function tellMissing({ home }: Member, { templates, imageKeys, report }: SourceContext): void {
  const images = `Add \`image:\` here or in \`defaults\`. There are: ${imageKeys.join(', ')}.`
  const others = `Or \`template:\`; there are: ${templates.map(({ id }) => id).join(', ')}.`
  report.atKey(
    home,
    templates.length === 0 ? 'needs an `image`' : 'needs an `image` or a `template`',
    templates.length === 0 ? images : `${images} ${others}`,
  )
}

/** T4. By key, else by the name of the template's machine. */
function pickTemplate(
  written: string,
  { layers }: Member,
  { templates, report }: SourceContext,
): TemplateSpec | undefined {
  const byKey = templates.find(({ id }) => id === written)
  if (byKey !== undefined) return byKey
  const [alias, ...others] = templates.filter(({ domain }) => domain === written)
  if (alias !== undefined && others.length === 0) return alias
  const keys = report.keys(['templates'])
  if (alias !== undefined) {
    report.within(
      layers,
      ['template'],
      `is the machine of ${others.length + 1} templates`,
      `Write the key of the one that is meant: ${[alias, ...others].map(({ id }) => id).join(', ')}.`,
    )
  } else if (!keys.includes(written)) {
    const known = new Set([...keys, ...templates.map(({ domain }) => domain)])
    report.within(layers, ['template'], 'there is no template of this name', hintForUnknown(written, known))
  }
  return undefined
}
