import { createInterface } from 'node:readline/promises'
import type { CliContext } from './context.ts'

/** Whether somebody is there who can be asked. */
export const mayAsk = (context: CliContext, { json }: { readonly json: boolean }): boolean =>
  !json && context.stdin.isTTY && context.stdout.isTTY

/** Asks on the terminal; nothing but `yes` is a yes, Ctrl-D is a no. Throws when it is cancelled. */
export async function confirm(context: CliContext): Promise<boolean> {
  const questions = createInterface({ input: context.stdin, output: context.stdout })
  // While a question is open the terminal is in raw mode: Ctrl-C is a key, not a signal.
  questions.on('SIGINT', () => {
    context.stdout.write('\n')
    context.interrupt()
  })
  try {
    const answer = await questions.question('Do this? Only "yes" does it: ', { signal: context.signal })
    return answer.trim() === 'yes'
  } catch (error) {
    if (context.signal.aborted) throw error
    return false
  } finally {
    questions.close()
  }
}
