/** One figure of one benchmark, beside its yardstick from the same run. */
export interface BenchResult {
  readonly id: string
  readonly value: number
  readonly unit: string
  /** The same work done another way, in the same unit; `null` where there is nothing to compare with. */
  readonly yardstick: number | null
  /** `value / yardstick` */
  readonly ratio: number | null
  readonly goal: string
  readonly met: boolean
  /** How many measurements `value` is the median of, and how far apart they were. */
  readonly n: number
  readonly spread: number
}
