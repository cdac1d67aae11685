import { createHash } from 'node:crypto'
import { describe, expect, it, test } from 'vitest'
import { parseXml } from '../../lib/xml.ts'
import { action, guest, runOf, sampleRun, sampleTails, step } from '../testing/sample-run.ts'
import { embeddable } from './embeddable.ts'
import { linkTo, markup } from './markup.ts'
import { renderReport } from './report.ts'
import { ticksOf } from './timeline.ts'

const report = renderReport(sampleRun, sampleTails)

describe('the report (G10)', () => {
  it('G10: shows what ran, what came from the cache, what was waited for, and what failed', async () => {
    await expect(report).toMatchFileSnapshot('../testing/report.golden.html')
  })

  it('G10: needs nothing from elsewhere', () => {
    const references = [...report.matchAll(/\b(?:src|href|action|data|srcset|poster)\s*=\s*"([^"]*)"/g)]
    expect(references.length).toBeGreaterThan(10)
    expect(
      references.map((match) => match[1]).filter((to) => !/^(#guest-\d+|\.\/.+)$/.test(to ?? '')),
    ).toEqual([])
    expect(report).not.toMatch(/https?:|\burl\(|@import|<(?:script|link|iframe|img|object|embed|base)\b/i)
  })

  it('G10: forbids itself all but its own style', () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(report)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(report).toContain(
      `http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;;`,
    )
    expect(report).not.toMatch(/ style="| on[a-z]+="/)
  })

  it('G10: shows whatever a guest printed as text', () => {
    expect(report).toContain(
      ']]&gt;&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt; red  &amp;amp; \ufffd\n',
    )
  })

  test.each([
    'project',
    'guest',
    'platform',
    'title',
    'because',
    'message',
    'fetched',
    'log',
    'host',
    'action',
  ])('G10: lets no markup through in the %s', (place) => {
    const evil = `"'><script>alert(1)</script><!--`
    const at = (where: string): string => (where === place ? evil : where)
    const error = {
      code: 'phase.failed',
      message: at('message'),
      hint: 'h',
      details: {},
      retryable: false,
    } as const
    const main = action(at('action'), 0, 1, {
      status: 'failed',
      because: at('because'),
      error,
      log: at('log'),
      steps: [step(at('title'), 0, 1)],
    })
    const guests = [
      guest(at('guest'), {
        platform: at('platform'),
        host: at('host'),
        outcome: 'failed',
        actions: [main],
        fetched: [at('fetched')],
      }),
    ]
    const page = renderReport(runOf(guests, { project: at('project') }), new Map())
    expect(page).not.toContain('<script')
    expect(page).not.toContain('<!--')
    expect(page).toContain('&lt;script&gt;alert(1)')
  })

  it('G10: closes every element that it opens', () => {
    const body = /<body>[\s\S]*<\/body>/.exec(report)?.[0] ?? ''
    expect(() =>
      parseXml(
        body.replaceAll('<details class="log" open>', '<details>').replaceAll('<details open>', '<details>'),
      ),
    ).not.toThrow()
  })

  it('G10: can be read without seeing: one main heading, headed tables, words beside colours and shapes', () => {
    expect(report.match(/<h1>/g)).toHaveLength(1)
    expect(report).toMatch(/<html lang="en">/)
    expect(report).not.toMatch(/<th(?! scope=")[\s>]/)
    expect(report).not.toMatch(/<svg(?![^>]*(?:aria-label|aria-hidden))[^>]*>(?!\s*<title>)/)
    expect(report).toContain('aria-label="queue waited 40s, create ran 6s,')
  })

  it('G10: has no table of platforms and targets for guests that have none', () => {
    expect(renderReport(runOf([guest('web')]), new Map())).not.toContain('Platforms and targets')
    expect(renderReport(runOf([]), new Map())).not.toContain('Timeline')
  })

  it('G10: embeds logs of failures first when there is no room for all', () => {
    const kept = (most: number) => [...embeddable(sampleRun, sampleTails, most).keys()]
    expect(kept(200)).toEqual(['debian-12-arm64/03-main.log', 'debian-12-amd64/01-main.log'])
    expect(kept(0)).toEqual([])
    expect(kept(10_000)).toHaveLength(4)
  })
})

test.each([
  [1_000, ['0', '1s']],
  [251_000, ['0', '1m00s', '2m00s', '3m00s', '4m00s']],
  [7 * 86_400_000, ['0', '1440m00s', '2880m00s']],
])('marks the axis of %s ms at round times', (lengthMs, want) => {
  const texts = ticksOf({ lengthMs }).map(({ text }) => text)
  expect(texts.slice(0, want.length)).toEqual(want)
  expect(texts.length).toBeLessThanOrEqual(9)
})

test.each([
  ['web-1/01-main.log', './web-1/01-main.log'],
  ['web/files/a b#c?d%.txt', './web/files/a%20b%23c%3Fd%25.txt'],
  ['javascript:alert(1)', './javascript%3Aalert(1)'],
])('links to %s', (path, want) => expect(linkTo(path)).toBe(want))

test('escapes values, lists of them, and leaves out what is not there', () => {
  expect(markup`<b>${['a<', markup`<i>`]}${false}${undefined}${0}</b>`.text).toBe('<b>a&lt;<i>0</b>')
})
