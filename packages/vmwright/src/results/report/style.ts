/** The style of the report: the reader's own font and choice of dark or light. Colours have 4.5:1 on their ground. */
export const style = `
:root { color-scheme: light dark; --text: #1b1f24; --ground: #fff; --line: #d5d9de; --quiet: #5b636d; --soft: #f4f6f8;
  --ran: #237043; --cached: #285fa6; --waited: #5b636d; --failed: #b3261e; --cancelled: #8a5a00; --unfinished: #7340a0 }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7eb; --ground: #15181c; --line: #363c44; --quiet: #a0a8b2;
  --soft: #1e2328; --ran: #6fcf97; --cached: #7fb2f0; --waited: #a0a8b2; --failed: #ff8a80; --cancelled: #f0b95c;
  --unfinished: #c79bf2 } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--ground); margin: 0 auto;
  padding: 1rem 1.5rem 4rem; max-width: 76rem }
section { overflow-x: auto }
h1 { font-size: 1.6rem; margin: .5rem 0 }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; padding-top: .7rem; border-top: 1px solid var(--line) }
h2 span { font-weight: normal; margin-left: .5rem }
h3 { font-size: 1rem; margin: 1rem 0 .3rem }
p { margin: .3rem 0 }
a { color: var(--cached) }
table { border-collapse: collapse; margin: .5rem 0; max-width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line) }
thead th { color: var(--quiet); font-weight: normal; font-size: .85rem }
th[scope=row] { font-weight: 600; white-space: nowrap }
.number, thead .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
caption { text-align: left; color: var(--quiet); font-size: .85rem; padding-bottom: .4rem }
.key { margin-right: 1rem; white-space: nowrap }
.timeline { width: 100% }
.timeline td { white-space: nowrap }
.timeline .lane { width: 100%; min-width: 16rem; padding-left: .3rem }
.timeline td.lane { padding-bottom: 0 }
svg { display: block }
.key svg { display: inline-block; vertical-align: -1px }
.tick { fill: var(--quiet) }
.grid { stroke: var(--line) }
.bar { stroke: var(--ground) }
.ran .result, span.ran, .passed { color: var(--ran) }
.cached .result { color: var(--cached) }
.waited .result, .skipped, .not-run, .none, .quiet { color: var(--quiet) }
.failed .result, .error, span.failed, td.failed { color: var(--failed) }
.cancelled .result, span.cancelled, td.cancelled { color: var(--cancelled) }
.unfinished .result, span.unfinished, td.unfinished { color: var(--unfinished) }
.result { white-space: nowrap }
.skipped th { font-weight: normal }
tr.steps td { padding-top: 0 }
summary { cursor: pointer; padding: .15rem 0 }
summary:focus-visible, a:focus-visible, pre:focus-visible { outline: 2px solid var(--cached); outline-offset: 2px }
ol { margin: .2rem 0; padding-left: 2.2rem }
.log { margin: .4rem 0; border: 1px solid var(--line); border-radius: 4px; padding: .2rem .7rem }
pre { font: 12.5px/1.4 ui-monospace, monospace; background: var(--soft); padding: .6rem; overflow: auto; max-height: 32rem;
  margin: .4rem 0 }
code { font: .85em ui-monospace, monospace; background: var(--soft); padding: .1em .3em }
@media print { pre { max-height: none; white-space: pre-wrap } }
`
