import type { ErrorCode } from 'yaml'

/**
 * The parser's own messages quote the text, which may be a secret; these do not.
 */
export const yamlFault = (code: ErrorCode): { readonly message: string; readonly hint: string } =>
  faults[code] ?? { message: 'is not valid YAML here', hint: 'Look at this line and the one before it.' }

const faults: Partial<Record<ErrorCode, { readonly message: string; readonly hint: string }>> = {
  BAD_ALIAS: {
    message: 'refers to an anchor that is not set before it',
    hint: 'Quote the text if it only begins with `*` or `&`.',
  },
  BAD_DQ_ESCAPE: {
    message: 'has an unknown escape in a double-quoted text',
    hint: 'Write `\\\\` for a backslash, or use single quotes.',
  },
  BAD_INDENT: {
    message: 'is indented wrongly',
    hint: 'Keys of one mapping begin in the same column; indent with spaces.',
  },
  BAD_SCALAR_START: { message: 'begins with a sign that YAML reserves', hint: 'Put the text in quotes.' },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'has a mapping where a text belongs',
    hint: 'Begin the mapping on its own line, or quote a text that has `: ` in it.',
  },
  BLOCK_IN_FLOW: {
    message: 'has lines with `-` or `key:` inside brackets',
    hint: 'Use either brackets or indentation.',
  },
  DUPLICATE_KEY: { message: 'is given twice', hint: 'Remove one of the two, or join them.' },
  KEY_OVER_1024_CHARS: { message: 'has a key longer than 1024 characters', hint: 'Is a quote missing?' },
  MISSING_CHAR: {
    message: 'lacks a sign here',
    hint: 'Close the quote or bracket, or put a space after `:` or `-`.',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'has a key over more than one line',
    hint: 'Is a `:` or a quote missing?',
  },
  TAB_AS_INDENT: { message: 'is indented with a tab', hint: 'Use spaces.' },
  TAG_RESOLVE_FAILED: {
    message: 'has a tag that does not fit',
    hint: 'Remove the word that begins with `!`.',
  },
  UNEXPECTED_TOKEN: {
    message: 'has something that does not belong here',
    hint: 'Check quotes, brackets and indentation of this line and the one before it.',
  },
}
