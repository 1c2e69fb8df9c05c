"""How a report looks: light and dark, narrow and wide, screen and paper."""

STYLE = """
:root {
  --paper: #ffffff; --ink: #1d2330; --muted: #59616e; --line: #dfe3e8; --tint: #f5f7f9;
  --link: #00588a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181f; --ink: #e6e9ee; --muted: #a3acb9; --line: #323a46; --tint: #1c222b;
    --link: #7cc0ee;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 68rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial,
    "DejaVu Sans", sans-serif;
  overflow-wrap: break-word;
}
h1 { margin: 0; font-size: clamp(1.7rem, 1.3rem + 1.8vw, 2.4rem); line-height: 1.2; }
h2 { margin: 0 0 .8rem; font-size: clamp(1.25rem, 1.1rem + .6vw, 1.5rem); line-height: 1.3; }
h1, h2 { letter-spacing: -.01em; text-wrap: balance; }
p { margin: 0 0 1rem; max-width: 46rem; }
.subtitle { margin: .5rem 0 0; color: var(--muted); font-size: 1.1rem; }
a { color: var(--link); }
nav { margin-top: 1.6rem; }
nav ol { margin: 0; padding-left: 1.4rem; }
nav li { padding: .1rem 0; }
section { margin-top: 2.4rem; padding-top: 2rem; border-top: 1px solid var(--line); }
.pictures { display: flex; flex-wrap: wrap; gap: 0 1.5rem; align-items: flex-start; }
figure { margin: .6rem 0 1.6rem; min-width: 0; }
.frame {
  overflow-x: auto; padding: 12px; background: #ffffff; border: 1px solid var(--line);
  border-radius: 8px;
}
.frame img { display: block; width: 100%; height: auto; }
figcaption { margin-top: .5rem; color: var(--muted); font-size: .92rem; line-height: 1.5; }
.verbatim { max-width: 46rem; }
audio { max-width: 100%; }
pre {
  margin: .3rem 0 0; padding: .8rem 1rem; overflow-x: auto; background: var(--tint);
  border: 1px solid var(--line); border-radius: 8px; white-space: pre-wrap;
  overflow-wrap: anywhere; font: .88rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas,
    monospace;
}
.table { overflow-x: auto; margin: .6rem 0 1.6rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .96rem; }
caption {
  caption-side: top; padding-bottom: .4rem; color: var(--muted); text-align: left;
  font-size: .92rem;
}
th, td { padding: .42rem .9rem; text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: .6rem; }
th { font-weight: 600; vertical-align: bottom; border-bottom: 2px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
tbody tr:nth-child(even) { background: var(--tint); }
.number { text-align: right; }
td.number { white-space: nowrap; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 32rem) {
  body { padding: 1.5rem 1rem 3rem; }
  .frame { margin: 0 -1rem; padding: 0; border-width: 1px 0; border-radius: 0; }
  th, td { padding: .35rem .55rem; }
  td:not(.number) { min-width: 7.5rem; }
}
@media print {
  :root {
    --paper: #ffffff; --ink: #000000; --muted: #444444; --line: #c8ccd2; --tint: #ffffff;
    --link: #000000;
  }
  @page { margin: 16mm 14mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  section { margin-top: 1.2rem; padding-top: 1rem; }
  h2 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  .frame { margin: 0; border: none; padding: 0; overflow: visible; }
  .pictures { display: block; }
  .frame img {
    width: auto; max-width: 100%; min-width: 0 !important; max-height: 10.5cm;
  }
  .frame.wide img { max-height: 21cm; }
  .table { overflow: visible; }
}
"""
