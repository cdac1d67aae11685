import { Document, isScalar, Scalar, visit } from 'yaml'

/**
 * YAML 1.1 text as PyYAML, which is what cloud-init has, reads it back to the same values: `on`, `012`, `1:30` and
 * `=` are quoted, and characters that it takes for line ends or refuses are escaped.
 */
export function toYaml(value: unknown): string {
  const document = new Document(value, {
    version: '1.1',
    merge: false,
    aliasDuplicateObjects: false,
    // With the merge type gone for good (1.1 brings it along), `<<` is text and can be quoted.
    customTags: (tags) =>
      tags.filter((tag) => tag !== 'merge' && !(typeof tag === 'object' && tag.tag === mergeTag)),
  })
  visit(document, (_key, node) => {
    if (isScalar(node) && typeof node.value === 'string' && mustBeEscaped(node.value)) {
      node.type = Scalar.QUOTE_DOUBLE
    }
  })
  // Only double-quoted scalars hold such characters now, and there an escape means the same.
  return document.toString({ lineWidth: 0 }).replaceAll(unsafeCharacter, escaped)
}

/** `=` and `<<` alone are types of their own in YAML 1.1; PyYAML takes no tab in a plain scalar or before a block's first word. */
const mustBeEscaped = (text: string): boolean =>
  text === '=' ||
  text === '<<' ||
  text.search(unsafeCharacter) >= 0 ||
  (text.includes('\t') && (!text.includes('\n') || /^\s*\t/.test(text)))

/** What is not printable (YAML 1.1, 5.1), and the line ends that YAML 1.1 has beyond LF (4.2.2). */
const unsafeCharacter =
  /[^\t\n\u0020-\u007e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/gu

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

const mergeTag = 'tag:yaml.org,2002:merge'
