import type { ActionRun } from '@vmwright/contract'
import { describe, expect, it, test } from 'vitest'
import { childrenOf, find, parseXml, textAt, type XmlElement } from '../lib/xml.ts'
import { renderJunit } from './junit.ts'
import { action, guest, hostileLine, runOf, sampleRun, sampleTails, step } from './testing/sample-run.ts'

const suiteOf = (actions: readonly ActionRun[], tails = sampleTails): XmlElement | undefined =>
  find(parseXml(renderJunit(runOf([guest('web', { actions })]), tails)), 'testsuite')

const error = {
  code: 'host.timeout',
  message: 'No answer.',
  hint: 'Look.',
  details: {},
  retryable: true,
} as const

describe('JUnit XML (G10)', () => {
  it('G10: has a suite for each guest, a case for each action and each step', async () => {
    await expect(renderJunit(sampleRun, sampleTails)).toMatchFileSnapshot('testing/junit.golden.xml')
  })

  test.each<[string, ActionRun, string | undefined]>([
    ['passed', action('main', 0, 1), undefined],
    ['left out', action('init', 0, 0, { status: 'skipped', because: 'not allowed' }), 'skipped: not allowed'],
    [
      'cached',
      action('init', 0, 0, { status: 'cached', because: 'x.init' }),
      'skipped: from the cache: x.init',
    ],
    [
      'failed by a command of the guest',
      action('main', 0, 1, { status: 'failed', error: { ...error, code: 'phase.failed' } }),
      'failure: No answer.',
    ],
    [
      'failed by what is around the guest',
      action('startup', 0, 1, { status: 'failed', error }),
      'error: No answer.',
    ],
    ['failed without a report', action('startup', 0, 1, { status: 'failed' }), 'error: failed'],
    ['cancelled', action('main', 0, 1, { status: 'cancelled' }), 'error: cancelled'],
    ['not brought to an end', action('main', 0, 1, { status: 'unfinished' }), 'error: unfinished'],
  ])('G10: tells an action that was %s', (_what, one, want) => {
    const suite = suiteOf([one])
    const said = find(suite, 'testcase')?.children.find((child) => typeof child !== 'string')
    expect(said && `${said.name}: ${said.attributes['message']}`).toBe(want)
    const kind = want?.split(':')[0] ?? 'none'
    expect([
      suite?.attributes['failures'],
      suite?.attributes['errors'],
      suite?.attributes['skipped'],
    ]).toEqual(['failure', 'error', 'skipped'].map((each) => (each === kind ? '1' : '0')))
  })

  test.each([
    ['not-run', 'skipped'],
    ['cancelled', 'error'],
    ['unfinished', 'error'],
  ] as const)('G10: does not pass over a guest without actions that is %s', (outcome, want) => {
    const xml = parseXml(renderJunit(runOf([guest('web', { outcome, because: 'no room' })]), new Map()))
    const said = find(xml, 'testsuite', 'testcase', want)
    expect(said?.attributes['message']).toBe('no room')
  })

  it('G10: gives a failure the end of its log, whatever the guest printed', () => {
    const failed = action('main', 0, 1, { status: 'failed', error, log: 'web/01-main.log' })
    const tails = new Map([['web/01-main.log', { lines: ['a', hostileLine], cut: true, sizeBytes: 9 }]])
    const text = textAt(suiteOf([failed], tails), 'testcase', 'error')
    expect(text).toContain('web/01-main.log (the last 2 lines):\na\n')
    expect(text).toContain(']]></script><img src=x onerror="alert(1)"> red  &amp; \ufffd')
  })

  it('G10: leaves out what XML 1.0 cannot hold, and nothing else', () => {
    const all = Array.from({ length: 0x2100 }, (_, code) => String.fromCodePoint(code)).join('')
    const title = `${all}\ufffe\uffff\u{1f600}\ud800`
    const suite = suiteOf([action('main', 0, 1, { steps: [step(title, 0, 1)] })])
    const name = childrenOf(suite, 'testcase')[1]?.attributes['name'] ?? ''
    expect(name).toMatch(/^01 .*é.*😀\ufffd$/u)
    // oxlint-disable-next-line no-control-regex -- these must be gone
    expect(name).not.toMatch(/[\u0000-\u001f\ufffe\uffff]/)
  })

  it('G10: writes times in seconds as all readers take them, also of hours', () => {
    const times = renderJunit(runOf([guest('web', { actions: [action('main', 0, 9_000.0004)] })]), new Map())
    expect(times).toContain('time="9000.000"')
    expect(times).not.toMatch(/time="(?!\d+\.\d{3}")/)
    expect(times).toMatch(/timestamp="2026-11-21T10:15:00"/)
  })

  it('G10: uses what the common schemas name, and no more', () => {
    const allowed: Readonly<Record<string, readonly string[]>> = {
      testsuites: ['name', 'tests', 'failures', 'errors', 'time'],
      testsuite: [
        'name',
        'tests',
        'failures',
        'errors',
        'skipped',
        'time',
        'timestamp',
        'hostname',
        'id',
        'package',
      ],
      properties: [],
      property: ['name', 'value'],
      testcase: ['name', 'classname', 'time'],
      failure: ['message', 'type'],
      error: ['message', 'type'],
      skipped: ['message'],
      'system-out': [],
      'system-err': [],
    }
    const order = ['properties', 'testcase', 'system-out', 'system-err']
    const elementsOf = (element: XmlElement): readonly XmlElement[] =>
      element.children.filter((child) => typeof child !== 'string')
    const all = (element: XmlElement): readonly XmlElement[] => [element, ...elementsOf(element).flatMap(all)]
    const elements = all(parseXml(renderJunit(sampleRun, sampleTails)))
    const unknown = elements.flatMap(({ name, attributes }) =>
      Object.keys(attributes).filter((each) => allowed[name]?.includes(each) !== true),
    )
    expect(unknown).toEqual([])
    expect(elements.filter(({ name }) => allowed[name] === undefined)).toEqual([])
    for (const suite of elements.filter(({ name }) => name === 'testsuite')) {
      const places = elementsOf(suite).map(({ name }) => order.indexOf(name))
      expect(places).toEqual(places.toSorted((a, b) => a - b))
    }
    const cases = elements.filter(({ name }) => name === 'testcase')
    expect(cases.filter((each) => elementsOf(each).length > 1)).toEqual([])
  })
})
