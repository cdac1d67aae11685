import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The end of a log. */
export interface LogTail {
  /** Without line breaks. */
  readonly lines: readonly string[]
  /** Whether there are lines before these. */
  readonly cut: boolean
  /** Of the whole log. */
  readonly sizeBytes: number
}

const bytesPerLine = 400
const longestLine = 2_000

/** The last lines of a file, read from its end; a very long one is cut. `undefined` when it cannot be read. */
export function readLogTail(file: string, count: number): LogTail | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    const { size } = fstatSync(descriptor)
    const start = Math.max(0, size - count * bytesPerLine)
    const data = Buffer.alloc(size - start)
    const length = readSync(descriptor, data, 0, data.length, start)
    return tailOf(data.toString('utf8', 0, length), { count, sizeBytes: size, begun: start > 0 })
  } catch {
    return undefined
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function tailOf(
  text: string,
  {
    count,
    sizeBytes,
    begun,
  }: { readonly count: number; readonly sizeBytes: number; readonly begun: boolean },
): LogTail {
  const lines = text.replace(/\n$/, '').split('\n')
  // The first one is a part of a line, unless there is no other.
  if (begun && lines.length > 1) lines.shift()
  const cut = begun || lines.length > count
  const kept = text === '' ? [] : lines.slice(-count)
  return {
    lines: kept.map((line) => (line.length > longestLine ? `${line.slice(0, longestLine)}…` : line)),
    cut,
    sizeBytes,
  }
}
