"""How the page looks, light and dark."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #fdfdfc; --card: #ffffff; --ink: #1d2024; --soft: #5c636d; --rule: #dfe2e6;
  --first: #2763b4; --second: #c2570c; --third: #2f7d4f; --mark: #8a3ffc; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14161a; --card: #1b1e23; --ink: #e6e8eb; --soft: #9aa3ad; --rule: #32373e;
  --first: #6ea8f7; --second: #f2995a; --third: #6cc48f; --mark: #c3a2ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px; }
header { border-bottom: 1px solid var(--rule); padding-bottom: 16px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 12px; font-weight: 620; }
h3 { font-size: 15px; margin: 0; font-weight: 620; display: inline; }
p { margin: 6px 0; max-width: 78ch; }
.soft, figcaption { color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 0; }
.tile { flex: 1 1 126px; max-width: 200px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 12px 14px; }
.tile b { display: block; font-size: 21px; line-height: 1.25; font-weight: 620; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.row { display: grid; grid-template-columns: repeat(3, 1fr); gap: 20px; align-items: start; }
.row.two { grid-template-columns: repeat(2, 1fr); }
@media (max-width: 860px) { .row, .row.two { grid-template-columns: 1fr; } }
.row table { width: 100%; }
figure { margin: 0; min-width: 0; max-width: 540px; }
figcaption { font-size: 13px; margin-top: 6px; }
figure img { width: 100%; height: auto; display: block; border-radius: 4px; }
svg { width: 100%; height: auto; display: block;
  background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
.axis { stroke: var(--soft); stroke-width: 1; } .grid { stroke: var(--rule); stroke-width: 1; }
.bar { fill: var(--first); } .bar:hover { fill: var(--second); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.k0 { stroke: var(--first); } .line.k1 { stroke: var(--second); } .line.k2 { stroke: var(--third); }
svg text.k0 { fill: var(--first); } svg text.k1 { fill: var(--second); } svg text.k2 { fill: var(--third); }
.chosen { stroke: var(--mark); stroke-width: 1.5; stroke-dasharray: 4 3; }
svg text.chosen { fill: var(--mark); stroke: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; min-width: 40%; }
th, td { text-align: left; padding: 5px 18px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px; }
details { border: 1px solid var(--rule); border-radius: 8px; background: var(--card);
  padding: 10px 14px; margin: 10px 0; }
summary { cursor: pointer; } details[open] summary { margin-bottom: 8px; }
@media print { details { break-inside: avoid; } body { background: none; } }
"""
