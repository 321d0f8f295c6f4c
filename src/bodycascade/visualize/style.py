"""The style sheet of the report: light and dark, from a phone to a wide screen, on paper."""

STYLE = """
:root {
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  --page: #f6f6f3; --surface: #ffffff; --ink: #1d2226; --muted: #646c73; --line: #e2e3de; --tint: #eef0ee;
  --accent-1: #9cc5d8; --accent-2: #4c93b4; --accent-3: #1d5f80; --radius: 10px;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --surface: #1c2125; --ink: #e7e9ea; --muted: #99a2a9; --line: #30373d; --tint: #242a2f;
    --accent-1: #2f6078; --accent-2: #4f98bb; --accent-3: #93cde8;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 var(--sans); }
main, header.top, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header.top { padding-top: 44px; }
.eyebrow { margin: 0; color: var(--muted); font-size: 14px; }
h1 { margin: 2px 0 6px; font-size: clamp(26px, 4vw, 38px); line-height: 1.15; letter-spacing: -.02em; }
.lead { margin: 0; max-width: 68ch; color: var(--muted); }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; font-size: 14px; }
nav a { color: var(--accent-3); text-decoration: none; padding: 4px 0; }
nav a:hover { text-decoration: underline; }
section { margin: 52px 0 0; }
h2 { margin: 0 0 4px; font-size: 23px; letter-spacing: -.012em; line-height: 1.25; }
h3 { margin: 30px 0 10px; font-size: 16.5px; }
.say { margin: 0 0 18px; max-width: 74ch; color: var(--muted); }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius); padding: 18px 20px; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); }
.grid > .card { min-width: 0; }

.aside { display: grid; gap: 16px; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); align-items: start; }
.aside > div { display: grid; gap: 16px; }
.aside .chart svg { max-width: 520px; }
.measured { margin: 14px 0 0; max-width: 96ch; font-size: 14px; color: var(--muted); }
.headline { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 240px), 1fr));
  margin-top: 28px; }
.headline .name { margin: 0; font-size: 14px; color: var(--muted); }
.headline .name b { color: var(--ink); font-weight: 600; }
.headline .value { margin: 2px 0 8px; font-size: 46px; font-weight: 650; letter-spacing: -.03em; line-height: 1.1;
  font-variant-numeric: tabular-nums; }
.interval { position: relative; height: 8px; border-radius: 4px; background: var(--tint); }
.interval i { position: absolute; top: 0; bottom: 0; border-radius: 4px; background: var(--accent-1); }
.interval b { position: absolute; top: -3px; bottom: -3px; width: 3px; margin-left: -1px; border-radius: 2px;
  background: var(--accent-3); }
.interval + p { margin: 7px 0 0; font-size: 13.5px; color: var(--muted); font-variant-numeric: tabular-nums; }

.tree { overflow: hidden; }
.tree .row { display: flex; gap: 3px; margin-bottom: 3px; }
.tree .cell { min-width: 0; padding: 7px 8px; border-radius: 5px; overflow: hidden; text-align: center;
  line-height: 1.25; }
.tree .cell span { display: block; overflow: hidden; text-overflow: ellipsis; font-size: 13px; }
.tree .cell b { font-variant-numeric: tabular-nums; }

.keys { display: flex; flex-wrap: wrap; gap: 5px 16px; margin: 0 0 10px; padding: 0; list-style: none;
  font-size: 13.5px; }
.keys li { display: inline-flex; align-items: center; gap: 7px; }
.keys small { color: var(--muted); font-size: inherit; }
.legend .keys { padding-left: 4.4em; }
.keys .title { width: 4.4em; margin: 0 -16px 0 -4.4em; color: var(--muted); }
.swatch { flex: none; display: inline-block; width: 12px; height: 12px; border-radius: 3px;
  box-shadow: inset 0 0 0 1px rgb(128 128 128 / .45); }
.legend { position: sticky; top: 0; z-index: 1; margin: 0 -24px 6px; padding: 10px 24px 6px; background: var(--page);
  border-bottom: 1px solid var(--line); }
.legend .keys { margin-bottom: 4px; }

.panel { margin: 0 0 14px; }
.panel figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 18px; margin-bottom: 9px;
  font-size: 14px; color: var(--muted); font-variant-numeric: tabular-nums; }
.panel figcaption b { color: var(--ink); font-weight: 600; }
.panel .id { font: 13.5px var(--mono); color: var(--ink); }
.views { display: grid; gap: 8px; grid-template-columns: repeat(4, minmax(0, 1fr)); }
.views div { min-width: 0; }
.views img { display: block; width: 100%; height: auto; max-height: 420px; object-fit: contain; border-radius: 5px;
  background: var(--tint); }
.views span { display: block; padding-top: 3px; font-size: 12.5px; color: var(--muted); }
.tag { padding: 0 7px; border: 1px solid var(--line); border-radius: 9px; font-size: 12.5px; }

.chart h4 { margin: 0 0 6px; font-size: 14.5px; font-weight: 600; }
.chart svg { display: block; width: 100%; max-width: 450px; height: auto; margin: 0 auto; overflow: visible; }

.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 500; font-size: 13px; vertical-align: bottom; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 400; }
.meter { position: relative; display: inline-block; width: 120px; height: 9px; margin-right: 9px; border-radius: 3px;
  background: var(--tint); overflow: hidden; }
.meter i { position: absolute; inset: 0 auto 0 0; border-radius: 3px; }

details { margin-top: 12px; }
details > summary { cursor: pointer; padding: 6px 0; font-weight: 550; }
details > .card { margin-top: 8px; }
footer { padding: 52px 24px 40px; color: var(--muted); font-size: 13.5px; }
@media (max-width: 720px) {
  main, header.top, footer { padding-left: 14px; padding-right: 14px; }
  header.top { padding-top: 26px; }
  .card { padding: 14px; }
  .headline { grid-template-columns: 1fr; gap: 10px; }
  .aside { grid-template-columns: minmax(0, 1fr); }
  .headline .value { font-size: 38px; }
  .legend { position: static; margin: 0 0 10px; padding: 0; border: 0; }
  .views { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tree .row { gap: 2px; }
  .tree .cell { padding: 6px 1px; }
  .tree .cell span { font-size: 10.5px; }
  .tree .cell b { font-size: 12.5px; }
  .meter { width: 56px; }
}
@media print {
  body { background: none; }
  .legend { position: static; }
  .card, .panel { break-inside: avoid; }
}
"""
