import { type CST, Lexer, Parser } from 'yaml'

export const maxDepth = 50
/** Some three thousand instances; above it the parser needs more than a second. */
export const maxWords = 150_000

export type Tokens =
  | { readonly kind: 'tokens'; readonly tokens: readonly CST.Token[] }
  | { readonly kind: 'refused'; readonly offset: number; readonly message: string; readonly hint: string }

/**
 * Parses a text into tokens, and stops as soon as it is too deep or too long: what comes later recurses, and
 * takes time that grows faster than the text when it is full of faults.
 */
export function tokenise(text: string, onNewLine: (offset: number) => void): Tokens {
  const parser = new Parser(onNewLine)
  const tokens: CST.Token[] = []
  onNewLine(0)
  let words = 0
  for (const word of new Lexer().lex(text)) {
    for (const token of parser.next(word)) tokens.push(token)
    // The document and the scalar being read are on the stack too.
    if (parser.stack.length > maxDepth + 2) {
      return {
        kind: 'refused',
        offset: parser.offset,
        message: `is nested more than ${maxDepth} deep`,
        hint: 'Is a bracket not closed?',
      }
    }
    if (++words > maxWords) {
      return {
        kind: 'refused',
        offset: parser.offset,
        message: `has more than ${maxWords} words and signs`,
        hint: 'Split the file with `include`.',
      }
    }
  }
  for (const token of parser.end()) tokens.push(token)
  return { kind: 'tokens', tokens }
}
