/** Each byte as `printf %b` of every shell reads it, one path a line: any name survives the way through a shell. */
export const encodePaths = (paths: readonly string[]): string =>
  paths.map((path) => `${encodePath(path)}\n`).join('')

export const encodePath = (path: string): string =>
  [...Buffer.from(path)].map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`).join('')

/** The way back, for what `od -to1` printed as such. */
export const decodePath = (text: string): string =>
  Buffer.from(
    text
      .split('\\0')
      .slice(1)
      .map((octal) => Number.parseInt(octal, 8)),
  ).toString()
