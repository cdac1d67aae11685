import type { ActionRun, ErrorReport, GuestRun, LifecycleRun, StepRun } from '@vmwright/contract'
import { stripVTControlCharacters } from 'node:util'
import { elapsedOf } from './guest-facts.ts'
import type { Tails } from './tails.ts'

/**
 * JUnit XML as Jenkins, GitLab and GitHub's readers take it: a suite for each guest, a case for each action, and one
 * for each step of a phase. What a command of the guest did wrong is a `failure`, all else an `error`. Times are in
 * seconds; that of an action holds those of its steps. Follows junit-10.xsd of Jenkins' xUnit plug-in and
 * JUnit.xsd of Ant, but for the totals, which Ant's has no place for. Pure.
 */
export function renderJunit(run: LifecycleRun, tails: Tails): string {
  const suites = run.guests.map((guest, index) => suiteOf(run, guest, index, tails))
  const cases = suites.flatMap((suite) => suite.cases)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    tag('testsuites', {
      name: run.project,
      tests: cases.length,
      failures: count(cases, 'failure'),
      errors: count(cases, 'error'),
      time: seconds(run.durationMs),
    }),
    ...suites.flatMap(({ lines }) => lines),
    '</testsuites>',
    '',
  ].join('\n')
}

interface Case {
  readonly name: string
  readonly classname: string
  readonly durationMs: number
  readonly verdict: Verdict | undefined
}

/** What is said of a case that did not pass. */
interface Verdict {
  readonly kind: 'failure' | 'error' | 'skipped'
  readonly type: string
  readonly message: string
  readonly text: string
}

function suiteOf(run: LifecycleRun, guest: GuestRun, index: number, tails: Tails) {
  const classname = `${run.project}.${guest.name}`
  const cases =
    guest.actions.length === 0
      ? [noAction(guest, classname)]
      : guest.actions.flatMap((action) => casesOf(action, classname, tails))
  const startedAtMs = Math.min(...guest.actions.map((action) => action.startedAtMs), Number.POSITIVE_INFINITY)
  const attributes = {
    name: guest.name,
    tests: cases.length,
    failures: count(cases, 'failure'),
    errors: count(cases, 'error'),
    skipped: count(cases, 'skipped'),
    time: seconds(elapsedOf(guest)),
    timestamp: new Date(Number.isFinite(startedAtMs) ? startedAtMs : run.startedAtMs)
      .toISOString()
      .slice(0, 19),
    hostname: guest.host,
    id: index,
    package: run.project,
  }
  const properties = Object.entries({ run: run.id, platform: guest.platform, target: guest.target }).filter(
    ([, value]) => value !== undefined,
  )
  const files = [...guest.actions.flatMap(({ log }) => log ?? []), ...guest.fetched]
  const lines = [
    `  ${tag('testsuite', attributes)}`,
    '    <properties>',
    ...properties.map(([name, value]) => `      ${tag('property', { name, value: value ?? '' }, '/')}`),
    '    </properties>',
    ...cases.flatMap(caseLines),
    `    <system-out>${cdata(files.join('\n'))}</system-out>`,
    '    <system-err/>',
    '  </testsuite>',
  ]
  return { cases, lines }
}

/** A suite without cases would be overlooked. */
const noAction = (guest: GuestRun, classname: string): Case => ({
  name: 'run',
  classname,
  durationMs: 0,
  verdict:
    guest.outcome === 'not-run'
      ? skipped(guest.because ?? 'not run')
      : guest.outcome === 'passed'
        ? undefined
        : { kind: 'error', type: guest.outcome, message: guest.because ?? guest.outcome, text: '' },
})

function casesOf(action: ActionRun, classname: string, tails: Tails): readonly Case[] {
  return [
    {
      name: action.action,
      classname,
      durationMs: action.durationMs,
      verdict: verdictOfAction(action, tails),
    },
    ...action.steps.map((step, index) => ({
      name: `${String(index + 1).padStart(2, '0')} ${step.title}`,
      classname: `${classname}.${action.action}`,
      durationMs: step.durationMs,
      verdict: verdictOfStep(step),
    })),
  ]
}

const skipped = (message: string): Verdict => ({ kind: 'skipped', type: 'skipped', message, text: '' })

function verdictOfAction(action: ActionRun, tails: Tails): Verdict | undefined {
  switch (action.status) {
    case 'passed':
      return undefined
    case 'skipped':
      return skipped(action.because ?? 'left out')
    case 'cached':
      return skipped(`from the cache${action.because === undefined ? '' : `: ${action.because}`}`)
    case 'failed':
      return {
        kind: action.error !== undefined && isOfTheGuest(action.error) ? 'failure' : 'error',
        type: action.error?.code ?? 'failed',
        message: action.error?.message ?? action.because ?? 'failed',
        text: failureText(action, tails),
      }
    // Nobody may take a run that was ended for one that went well.
    case 'cancelled':
    case 'unfinished':
      return {
        kind: 'error',
        type: action.error?.code ?? action.status,
        message: action.error?.message ?? action.because ?? action.status,
        text: failureText(action, tails),
      }
  }
}

const isOfTheGuest = ({ code }: ErrorReport): boolean =>
  code === 'phase.failed' || code === 'phase.timeout' || code === 'guest.command-failed'

function failureText({ error, log }: ActionRun, tails: Tails): string {
  const tail = log === undefined ? undefined : tails.get(log)
  return [
    ...(error === undefined ? [] : [error.message, error.hint]),
    ...(tail === undefined ? [] : ['', `${log}${tail.cut ? ` (the last ${tail.lines.length} lines)` : ''}:`]),
    ...(tail?.lines ?? []),
  ].join('\n')
}

function verdictOfStep(step: StepRun): Verdict | undefined {
  if (step.status === 'passed') return undefined
  if (step.status === 'skipped') return skipped('left out')
  const message = step.exitCode === undefined ? step.status : `${step.status} with exit code ${step.exitCode}`
  return { kind: step.status === 'failed' ? 'failure' : 'error', type: step.status, message, text: '' }
}

function caseLines({ name, classname, durationMs, verdict }: Case): readonly string[] {
  const attributes = { name, classname, time: seconds(durationMs) }
  if (verdict === undefined) return [`    ${tag('testcase', attributes, '/')}`]
  const { kind, type, message, text } = verdict
  // Ant's schema has no type for what was left out.
  const said = kind === 'skipped' ? { message } : { message, type }
  const inner = text === '' ? tag(kind, said, '/') : `${tag(kind, said)}${cdata(text)}</${kind}>`
  return [`    ${tag('testcase', attributes)}`, `      ${inner}`, '    </testcase>']
}

const count = (cases: readonly Case[], kind: Verdict['kind']): number =>
  cases.filter(({ verdict }) => verdict?.kind === kind).length

const seconds = (ms: number): string => (Math.max(0, ms) / 1000).toFixed(3)

function tag(name: string, attributes: Readonly<Record<string, string | number>>, end = ''): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${attributeText(String(value))}"`,
  )
  return `<${name}${written.join('')}${end}>`
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** On one line: titles of steps may have been written on several. */
const attributeText = (text: string): string =>
  xmlText(text)
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll(/[&<>"]/g, (sign) => entities[sign] ?? sign)

const cdata = (text: string): string =>
  text === '' ? '' : `<![CDATA[${xmlText(text).replaceAll(']]>', ']]]]><![CDATA[>')}]]>`

/** Without colours and without what XML 1.0 cannot hold (section 2.2, Char). */
const xmlText = (text: string): string =>
  stripVTControlCharacters(text)
    .toWellFormed()
    // oxlint-disable-next-line no-control-regex -- exactly these
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]/g, '')
