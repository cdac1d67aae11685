/** Where the output of one phase of one guest goes. */
export interface PhaseLog {
  /** Relative to the folder of the run: `web-1/03-main.log`, for `ActionRun.log`. */
  readonly path: string
  /** One line, or several with `\n` between them, without secrets. On disk when it returns. Never throws. */
  write(stream: 'stdout' | 'stderr', text: string): void
  close(): Promise<void>
}
