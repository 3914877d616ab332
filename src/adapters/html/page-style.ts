/** The page's own style: light and dark by the reader's preference, from a phone's width up. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --paper: #fbfaf7; --raised: #fff; --ink: #1c2024; --dim: #5b636b; --line: #e2dfd8; --link: #1f5fa8;
  --good: #17713f; --warn: #8a5300; --bad: #b3261e; --good-bg: #cfe8d8; --warn-bg: #f6dfb3; --bad-bg: #f6cfca; --plain-bg: #cbdaeb; --pre-bg: #e3e5ee; --deep: #f2f0ea;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --raised: #1b1f23; --ink: #e7e9ea; --dim: #9aa4ad; --line: #2c3238; --link: #86b9f2;
  --good: #6fd39b; --warn: #e9b45c; --bad: #ff8f85; --good-bg: #1d4a33; --warn-bg: #58410f; --bad-bg: #642a25; --plain-bg: #2a4461; --pre-bg: #2b2f3d; --deep: #101315 } }
* { box-sizing: border-box }
html { scroll-padding-top: 3.5rem; -webkit-text-size-adjust: 100% }
body { margin: 0 auto; max-width: 74rem; padding: 0 clamp(1rem, 4vw, 2.5rem) 4rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; overflow-wrap: anywhere }
a { color: var(--link); text-underline-offset: .15em }
a:focus-visible, summary:focus-visible, input:focus-visible, button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px }
code, pre, .position, .offset { font-family: var(--mono); font-size: .86em }
.skip { position: absolute; left: -100vw } .skip:focus { left: 1rem; top: 1rem; background: var(--raised); padding: .5rem 1rem; z-index: 3 }
header { padding-top: clamp(1.5rem, 5vw, 3.5rem) }
.eyebrow { margin: 0; color: var(--dim); font-size: .9rem }
h1 { margin: .3rem 0 .8rem; font-size: clamp(1.5rem, 4.2vw, 2.4rem); line-height: 1.18; letter-spacing: -.015em; text-wrap: balance }
h2 { margin: 0 0 1rem; font-size: 1.3rem; letter-spacing: -.01em }
h3 { margin: 0; font-size: .9rem; font-weight: 600; color: var(--dim) }
main > section { margin-top: 3rem }
.verdict { margin: 0; display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap }
.pill { padding: .15rem .75rem; border-radius: 99px; font-weight: 650; text-decoration: none }
.pill.good { background: var(--good-bg); color: var(--good) } .pill.warn { background: var(--warn-bg); color: var(--warn) } .pill.bad { background: var(--bad-bg); color: var(--bad) } .pill.plain { background: var(--plain-bg) }
.alarm { margin: 1rem 0 0; padding: .75rem 1rem; border-radius: 6px; background: var(--bad-bg); color: var(--bad); font-weight: 650 }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: .9rem 1.5rem; margin: 1.6rem 0 0 }
dt { color: var(--dim); font-size: .82rem } dd { margin: 0 }
nav { position: sticky; top: 0; z-index: 2; margin: 1.5rem 0 0; background: var(--paper); border-bottom: 1px solid var(--line) }
nav ul { display: flex; gap: 1.2rem; margin: 0; padding: .65rem 0; list-style: none; overflow-x: auto; scrollbar-width: none }
nav a { text-decoration: none; white-space: nowrap } nav a:hover { text-decoration: underline }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: 1rem }
.card { background: var(--raised); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.2rem }
.card p { margin: .4rem 0 0 } .card .value { margin: .1rem 0 0; font-size: 1.5rem; font-weight: 650; letter-spacing: -.01em }
.card.good { border-color: var(--good) } .card.good .value { color: var(--good) } .card.bad { border-color: var(--bad) } .card.bad .value { color: var(--bad) } .card.warn .value { color: var(--warn) }
.card ul { margin: .5rem 0 0; padding: 0; list-style: none } .where { font-size: .88rem; color: var(--dim) }
.checks .good, p.good, span.good { color: var(--good) } .checks .bad, p.bad, span.bad { color: var(--bad) }
.change { display: inline-block; min-width: 5.2em; font-size: .82rem; color: var(--dim) } .change.added { color: var(--good) } .change.deleted { color: var(--bad) }
.note, .dim { color: var(--dim) } .cut { color: var(--warn) }
.zoom-name { color: var(--dim); font-size: .88rem; margin-right: .4rem }
.zoomable input { position: absolute; opacity: 0 } .zoomable > label { display: inline-block; padding: .1rem .6rem; border: 1px solid var(--line); border-radius: 5px; font-size: .88rem; cursor: pointer }
.zoomable input:checked + label { background: var(--ink); color: var(--paper); border-color: var(--ink) } .zoomable input:focus-visible + label { outline: 2px solid var(--link); outline-offset: 2px }
.chart-box { display: flex; margin-top: .8rem } .lanes { flex: none; width: 4.2rem; padding-top: 44px; font-size: .82rem; color: var(--dim) } .lanes span { display: flex; align-items: center; height: 34px }
.scroll { flex: 1; min-width: 0; overflow-x: auto; overscroll-behavior-x: contain; padding: 0 6px 2px } .chart { display: block; min-width: 34rem; overflow: visible }
#zoom-4:checked ~ .chart-box .chart { width: 400% } #zoom-16:checked ~ .chart-box .chart { width: 1600% } #zoom-64:checked ~ .chart-box .chart { width: 6400% }
.axis { display: none } #zoom-1:checked ~ .chart-box .axis-1, #zoom-4:checked ~ .chart-box .axis-4, #zoom-16:checked ~ .chart-box .axis-16, #zoom-64:checked ~ .chart-box .axis-64 { display: inline }
.label-4, .label-16, .label-64, .label-none { display: none }
#zoom-4:checked ~ .chart-box .label-4, #zoom-16:checked ~ .chart-box :is(.label-4, .label-16), #zoom-64:checked ~ .chart-box :is(.label-4, .label-16, .label-64) { display: inline }
.axis line { stroke: var(--line) } .axis text { fill: var(--dim); font-size: 11px } .lane { fill: var(--deep) }
.chart text { font-size: 12px; fill: var(--ink) } .bar text { pointer-events: none }
.bar rect { fill: var(--plain-bg); stroke: var(--paper); stroke-width: 1 } .bar.good rect { fill: var(--good-bg) } .bar.warn rect { fill: var(--warn-bg) } .bar.bad rect { fill: var(--bad-bg) }
.bar.step rect, .bar.turn rect, .bar.wait rect { stroke: var(--dim) } .bar.turn.good rect, .bar.step.good rect { stroke: var(--good) } .bar.warn rect { stroke: var(--warn) } .bar.bad rect { stroke: var(--bad) }
.phase-queued rect, .phase-cleanup rect { fill: var(--line) } .phase-preflight rect { fill: var(--pre-bg) } .phase-executing rect { fill: var(--plain-bg) } .phase-stalled rect { fill: var(--warn-bg) } .phase-blocked rect { fill: var(--bad-bg) }
.bar.open rect { stroke-dasharray: 4 3 } a.bar:hover rect, a.bar:focus-visible rect { stroke: var(--ink); stroke-width: 2 }
.mark line { stroke: var(--dim); stroke-dasharray: 2 4 } .mark circle { fill: var(--dim) } .mark.good circle { fill: var(--good) } .mark.warn circle { fill: var(--warn) } .mark.bad circle { fill: var(--bad) }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: .8rem 0 0; font-size: .88rem; color: var(--dim) }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px; border: 1px solid } .swatch.good { background: var(--good-bg); border-color: var(--good) } .swatch.warn { background: var(--warn-bg); border-color: var(--warn) } .swatch.bad { background: var(--bad-bg); border-color: var(--bad) }
.path, .path ol, .story, .events, .details, .refs { margin: 0; padding: 0; list-style: none }
.path { display: flex; flex-wrap: wrap; gap: .6rem } .visit { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem .7rem; padding: .45rem .8rem; background: var(--raised); border: 1px solid var(--line); border-left: 4px solid var(--dim); border-radius: 6px }
.visit.phase-executing { border-left-color: var(--link) } .visit.phase-stalled { border-left-color: var(--warn) } .visit.phase-blocked { border-left-color: var(--bad) } .visit.phase-closed { border-left-color: var(--good) }
.visit ol { display: flex; flex-wrap: wrap; gap: .1rem .4rem; font-size: .88rem } .visit ol li + li::before { content: '›'; margin-right: .4rem; color: var(--dim) } .path a { color: inherit; text-decoration: none } .path a:hover { text-decoration: underline } .phase-name { font-weight: 650 }
.entry { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0 1.2rem; padding: .6rem 0; border-top: 1px solid var(--line) }
.offset { color: var(--dim); text-decoration: none; text-align: right; padding-top: .15em } .offset:hover { text-decoration: underline }
.title { margin: 0; font-weight: 600 } .entry.good .title { color: var(--good) } .entry.warn .title { color: var(--warn) } .entry.bad .title { color: var(--bad) }
.details li { white-space: pre-line; color: var(--dim) } summary { cursor: pointer }
.printed { margin-top: .3rem; font-size: .92rem } pre { margin: .4rem 0; padding: .7rem .9rem; max-height: 28rem; overflow: auto; background: var(--deep); border-radius: 6px; line-height: 1.45; white-space: pre-wrap }
.text { padding: .55rem 0; border-top: 1px solid var(--line) } .text pre { white-space: pre; overflow-wrap: normal } .add { color: var(--good) } .del { color: var(--bad) } .hunk { color: var(--link) } .file { font-weight: 650 }
.tools { margin: 0 0 .8rem } input[type=search], button { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 5px; padding: .25rem .7rem } button { cursor: pointer }
.events > li { border-top: 1px solid var(--line) } .events summary { display: grid; grid-template-columns: 5rem 13.5rem 12rem 1fr 8.2rem; list-style: none; gap: 0 .8rem; padding: .4rem 0; align-items: baseline }
.events summary .position::before { content: '▸ ' } .events details[open] summary .position::before { content: '▾ ' } .events .position, .events time, .events .hash { color: var(--dim) } .events time { font-family: var(--mono); font-size: .82em } .events .hash { text-align: right } .type { font-weight: 600 } .told { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.events li:target > details > summary { background: var(--warn-bg) } .events dl { display: grid; grid-template-columns: 7rem 1fr; gap: .1rem .8rem; margin: .3rem 0 } .run { padding: .4rem 0; color: var(--dim) }
footer { margin-top: 3rem; border-top: 1px solid var(--line); color: var(--dim); font-size: .9rem }
@media (max-width: 52rem) { .events summary { grid-template-columns: auto auto 1fr; } .events .told { grid-column: 1 / -1; order: 5; white-space: normal; color: var(--dim) } .events .hash { display: none } .events time { order: 4; grid-column: 1 / -1 } }
@media (max-width: 36rem) { .entry { grid-template-columns: 1fr } .offset { text-align: left } .lanes { width: 3.4rem } .facts { grid-template-columns: 1fr 1fr } }
@media print { nav, .zoomable > label, .zoom-name, .tools, button, .skip { display: none } pre { max-height: none } }
`
