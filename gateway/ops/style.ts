// The look of the operations page: to be read across a room, on a phone, by day and by night.

export const style = `
:root {
  color-scheme: light dark;
  --ground: #f2f4f6; --card: #fff; --ink: #16202b; --soft: #55626f; --line: #dde2e7; --faint: #e9edf0;
  --triggered: #12805c; --refused: #b06a00; --deferred: #2f62c9; --failed: #c4262e; --requests: #5b5f97;
  --ok: #12704f; --paused: #9a4a00; --dry-run: #5a3fb0; --draining: #4a5560; --problem: #b3121c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1318; --card: #171e25; --ink: #e8edf2; --soft: #9aa8b5; --line: #2a343e; --faint: #212a33;
    --triggered: #3fc495; --refused: #e9a63a; --deferred: #7ba4ff; --failed: #ff7078; --requests: #a9adf0;
    --ok: #0f6b4b; --paused: #a34f00; --dry-run: #5f45b8; --draining: #4a5560; --problem: #bd1a24;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { display: block; }
h2 { font-size: .95rem; margin: 0 0 .4rem; font-weight: 650; display: flex; gap: .75rem; align-items: baseline; }
h2 small, .unit { color: var(--soft); font-weight: 400; font-size: .8rem; }
p { margin: 0; }
#lost { background: var(--problem); color: #fff; font-weight: 700; padding: .6rem 1.25rem; position: sticky; top: 0; z-index: 1; }
.band { color: #fff; padding: .9rem 1.25rem; display: flex; flex-wrap: wrap; gap: .4rem 2rem; align-items: center; }
.band h1 { margin: 0; font-size: clamp(2rem, 5vw, 3.2rem); line-height: 1.05; letter-spacing: .02em; font-weight: 800; }
.band .reasons { flex: 1 1 20rem; font-size: 1.05rem; }
.band .who { font-size: .9rem; text-align: right; overflow-wrap: anywhere; }
.band.ok { background: var(--ok); } .band.paused { background: var(--paused); }
.band.dry-run { background: var(--dry-run); } .band.draining { background: var(--draining); }
.band.problem { background: var(--problem); }
.warnings { list-style: none; margin: 0; padding: .5rem 1.25rem .5rem .75rem; border-left: .5rem solid var(--refused); background: var(--card); }
.grid { display: grid; gap: .7rem; padding: .7rem 1.25rem; grid-template-columns: repeat(30, minmax(0, 1fr)); }
section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .65rem 1rem; min-width: 0;
  grid-column: span 30; }
.tile { grid-column: span 6; padding-bottom: .5rem; }
.tile h2 { margin: 0; }
.tile .big { font-size: clamp(1.7rem, 3.2vw, 3rem); font-weight: 700; line-height: 1.15; white-space: nowrap; }
.tile .total { color: var(--soft); font-size: .8rem; }
.tile svg { height: 2.2rem; margin-top: .3rem; }
.wide { grid-column: span 21; } .narrow { grid-column: span 9; } .half { grid-column: span 15; }
.third { grid-column: span 8; } .rest { grid-column: span 14; }
svg { display: block; width: 100%; }
svg.spark { height: 1.3rem; min-width: 4rem; }
.line { fill: none; stroke-width: 1.6; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.foot { opacity: .16; stroke: none; }
.triggered { fill: var(--triggered); stroke: var(--triggered); } .refused { fill: var(--refused); stroke: var(--refused); }
.deferred { fill: var(--deferred); stroke: var(--deferred); } .failed { fill: var(--failed); stroke: var(--failed); }
.requests { fill: var(--requests); stroke: var(--requests); }
.columns path { stroke: none; }
.line { fill: none; }
.plot { display: grid; grid-template-columns: auto 1fr; gap: 0 .5rem; }
.plot .axis { display: flex; flex-direction: column; justify-content: space-between; text-align: right; color: var(--soft); font-size: .75rem; line-height: 1; }
.plot .columns { border-bottom: 1px solid var(--soft); background: linear-gradient(var(--line) 1px, transparent 1px) 0 0 / 100% 50%; }
.plot .columns svg { height: 9.5rem; }
.plot .time { grid-column: 2; display: flex; justify-content: space-between; color: var(--soft); font-size: .75rem; }
h2 .key { margin-right: .9rem; } .tile .key { margin-right: 0; }
.key { display: inline-flex; align-items: center; gap: .35rem; font-weight: 400; font-size: .8rem; color: var(--soft); }
.key svg { width: .8rem; height: .8rem; border-radius: .15rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .22rem .5rem; border-top: 1px solid var(--faint); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
thead th { border-top: 0; color: var(--soft); font-weight: 400; font-size: .8rem; }
tbody th { font-weight: 600; }
.table { overflow-x: auto; }
.table + .table { margin-top: .7rem; }
thead th.title { color: var(--ink); font-weight: 650; font-size: .95rem; }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; } td.spare { white-space: nowrap; }
td.none, .none { color: var(--soft); }
.course { width: 20%; }
.table + h2, p + h2, p + .table { margin-top: .7rem; }
.flag { color: #fff; border-radius: .25rem; padding: .05rem .4rem; font-size: .75rem; font-weight: 700; margin-left: .4rem; }
.flag.paused { background: var(--paused); } .flag.dry-run { background: var(--dry-run); } .flag.problem { background: var(--problem); }
.text { text-align: left; }
.keyid { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .8rem; overflow-wrap: anywhere; }
.bar { background: var(--faint); border-radius: .25rem; height: .6rem; overflow: hidden; } .bar svg { height: .6rem; }
dl { margin: 0; display: grid; grid-template-columns: auto 1fr; gap: .3rem .9rem; align-items: baseline; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; } dd.number { text-align: right; font-weight: 600; }
dd.full { grid-column: 1 / -1; }
dl.row { display: flex; flex-wrap: wrap; gap: .1rem .6rem; } dl.row dd { margin-right: 1.5rem; }
footer { padding: 0 1.25rem 1.25rem; color: var(--soft); font-size: .85rem; }
a { color: inherit; }
@media (max-width: 1100px) { .wide, .narrow, .half, .third, .rest { grid-column: span 30; } }
@media (max-width: 700px) {
  .grid { padding: .6rem; gap: .6rem; } .tile { grid-column: span 15; } .tile.first { grid-column: span 30; }
  .band { padding: .8rem; } .band .who { text-align: left; } section { padding: .7rem .75rem; }
  .spare, .course { display: none; } th, td { padding: .28rem .25rem; } thead th { font-size: .72rem; }
  .end .unit { display: block; } .flag { display: block; margin: 0; width: max-content; }
  dl.row { display: grid; }
}
`;
