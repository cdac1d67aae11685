/** One word for a POSIX shell, whatever is in it. */
export const singleQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
