/** Runs `work` once all that asked for the same turn before have ended, however they ended. */
export function inTurn(
  turns: Map<string, Promise<void>>,
  key: string,
  work: () => Promise<void>,
): Promise<void> {
  const turn = (turns.get(key) ?? Promise.resolve()).then(work)
  turns.set(
    key,
    turn.catch(() => {}),
  )
  return turn
}
