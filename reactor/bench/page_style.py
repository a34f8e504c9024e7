"""The style sheet of a comparison's page; ``--cNN`` are the colours that `drawing` names."""

COLORS = """\
:root {
  color-scheme: light dark;
  --c00: #1d2329; --c01: #626d78; --c02: #e1e5e9; --c03: #ffffff;
  --c10: #0068b0; --c11: #c8500a; --c12: #00805f; --c13: #a0317a;
  --c14: #856600; --c15: #5b53d0; --c16: #b3261e; --c17: #4d5b66;
}
@media (prefers-color-scheme: dark) {
  :root {
    --c00: #e4e8ec; --c01: #97a3ae; --c02: #2e363d; --c03: #14181c;
    --c10: #58b0f2; --c11: #ff9a5c; --c12: #3ecfa5; --c13: #e687c4;
    --c14: #e0bd3f; --c15: #a9a5ff; --c16: #ff8078; --c17: #aab8c4;
  }
}
"""
STYLE = (
    COLORS
    + """\
body { margin: 0; background: var(--c03); color: var(--c00);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; overflow-wrap: anywhere; }
.quiet, figcaption { color: var(--c01); font-size: .875rem; }
figure { margin: 0; }
figcaption { margin-top: .25rem; }
svg { display: block; width: 100%; height: auto; max-width: 56rem; }
svg * { stroke-linejoin: round; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .8125rem; }
th, td { padding: .25rem .45rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--c02); }
th { color: var(--c01); font-weight: 600; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; font-size: .875rem; }
dt { color: var(--c01); }
dd, pre { margin: 0; font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: .8125rem; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } }
"""
)
