import type { ConsoleStream } from '../hypervisor/guest-access.ts'
import type { Progress } from '../lib/progress.ts'

/** The parts of a terminal that are needed; `process.stdin` and `process.stdout` have them. */
export interface TerminalInput extends NodeJS.EventEmitter {
  readonly isTTY?: boolean
  readonly isRaw?: boolean
  setRawMode?(raw: boolean): unknown
  resume(): unknown
  pause(): unknown
}

export interface TerminalOutput {
  write(data: Uint8Array, onWritten: (error?: Error | null) => void): boolean
}

/** Ctrl-], as in telnet and `virsh console`. */
const escapeByte = 0x1d

/**
 * Connects a terminal with a guest's serial console until Ctrl-] is typed (`left`), the input ends (`left`), or
 * the console does (`ended`). All other keys, Ctrl-C too, go to the guest. The terminal is put back in every case.
 */
export async function attachConsole(
  progress: Progress,
  console: ConsoleStream,
  terminal: { readonly input: TerminalInput; readonly output: TerminalOutput },
): Promise<'left' | 'ended'> {
  const { input, output } = terminal
  const wasRaw = input.isRaw === true
  const done = Promise.withResolvers<'left' | 'ended'>()
  let writing = Promise.resolve()

  const onData = (data: Uint8Array): void => {
    const escape = data.indexOf(escapeByte)
    const keys = escape === -1 ? data : data.subarray(0, escape)
    if (keys.length > 0) writing = writing.then(() => console.write(keys))
    writing.catch(done.reject)
    if (escape !== -1) void writing.then(() => done.resolve('left'))
  }
  const onEnd = (): void => void writing.then(() => done.resolve('left'))
  const onAbort = (): void => done.reject(progress.signal.reason)

  progress.check()
  progress.signal.addEventListener('abort', onAbort, { once: true })
  input.on('data', onData)
  input.on('end', onEnd)
  try {
    if (input.isTTY === true) input.setRawMode?.(true)
    input.resume()
    const shown = showAll(console, output).then(() => 'ended' as const)
    return await Promise.race([done.promise, shown])
  } finally {
    progress.signal.removeEventListener('abort', onAbort)
    input.off('data', onData)
    input.off('end', onEnd)
    if (input.isTTY === true) input.setRawMode?.(wasRaw)
    input.pause()
    await console[Symbol.asyncDispose]()
  }
}

/** One chunk at a time: a slow terminal slows the console down, not the memory up. */
async function showAll(console: ConsoleStream, output: TerminalOutput): Promise<void> {
  for await (const chunk of console)
    await new Promise<void>((resolve, reject) => {
      output.write(chunk, (error) => (error == null ? resolve() : reject(error)))
    })
}
