/** One error of the catalogue. */
export interface ErrorEntry {
  /** What happened, for the catalogue in the documentation. */
  readonly title: string
  /** Where and under which circumstances it is reported, for the catalogue in the documentation. */
  readonly when: string
  /** What to do when the place that throws has nothing more exact to say. */
  readonly hint: string
}
