import { openPlainLines } from './plain.ts'
import type { EventSink } from './output.ts'

export const openLiveView = (out: NodeJS.WriteStream): EventSink => openPlainLines(out)
