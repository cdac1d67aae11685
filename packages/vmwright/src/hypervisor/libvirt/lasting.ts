import { Progress } from '../../lib/progress.ts'

/** For what has to be undone although the run was cancelled or its time is up. */
export const lasting = ({ seam }: Progress): Progress =>
  new Progress(seam, { deadlineMs: seam.monotonicMs() + 60_000 })
