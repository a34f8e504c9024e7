"""The style sheet and the icons of the index page: constants, nothing computed.

The sheet is one string because the page's Content-Security-Policy names its hash. Colours
follow the reader's own light or dark setting; sizes follow the reader's own font size.
"""

STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1b1f24;--soft:#626b78;
--line:#e7e9ee;--hover:#f1f5fe;--link:#1d4fc4;--folder:#e0a526;--image:#2f9e6b;--media:#b0559c;
--archive:#b5672c;--plain:#8a94a3}
@media(prefers-color-scheme:dark){:root{--page:#0f1216;--card:#161a20;--text:#e4e8ee;
--soft:#98a2b1;--line:#262c35;--hover:#1d2430;--link:#93b9ff;--folder:#e8b84a;--image:#5cc795;
--media:#d58ac4;--archive:#d99a63;--plain:#7d8897}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1.75rem 1.5rem 2.5rem;background:var(--page);
color:var(--text);font:1rem/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
-webkit-text-size-adjust:100%}
a{color:inherit;text-decoration:none}
a:focus-visible{outline:2px solid var(--link);outline-offset:-2px;border-radius:.4rem}
svg{width:1.25rem;height:1.25rem;flex:none;fill:currentColor}
.icons{position:absolute;width:0;height:0}
header{padding:0 .25rem 1rem}
header p{margin:.3rem 0 0;color:var(--soft);font-size:.875rem}
ol{display:flex;flex-wrap:wrap;align-items:center;margin:0;padding:0;list-style:none;
font-size:1.3rem;font-weight:600;line-height:1.3}
li{display:flex;align-items:center;min-width:0}
li+li::before{content:"/";margin:0 .2rem;color:var(--soft);font-weight:400}
li a{padding:.1rem .25rem;border-radius:.4rem;color:var(--soft);overflow-wrap:anywhere;
white-space:pre-wrap}
li a:hover{color:var(--link);background:var(--hover)}
li a[aria-current]{color:var(--text)}
.home{display:flex;align-items:center;gap:.4rem;margin-left:-.25rem}
.home svg{width:1.5rem;height:1.5rem}
main{background:var(--card);border:1px solid var(--line);border-radius:.8rem;overflow:hidden}
table{width:100%;border-collapse:collapse}
th{padding:0;text-align:left;font-size:.8125rem;font-weight:600;color:var(--soft);
border-bottom:1px solid var(--line)}
th a,th{white-space:nowrap}
th a{display:inline-flex;align-items:center;gap:.15rem;padding:.65rem 1rem}
th a:hover{color:var(--link)}
th small{font-size:.6875rem;font-weight:400;margin-left:.2rem}
th svg{width:1rem;height:1rem}
th:not(:has(a)){padding:.65rem 1rem}
td{padding:0;border-top:1px solid var(--line)}
tbody tr:first-child td{border-top:0}
tbody tr:hover{background:var(--hover)}
td.n a{display:flex;align-items:center;gap:.75rem;padding:.55rem 1rem;overflow-wrap:anywhere;
white-space:pre-wrap}
td.n a:hover bdi,td.n a:hover span{color:var(--link);text-decoration:underline;
text-underline-offset:.2em}
td.n a:visited bdi{color:var(--soft)}
.s,.m{width:1%;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.s,td.m{padding:.55rem 1rem;color:var(--soft);font-size:.875rem}
.i-folder{color:var(--folder)}.i-image{color:var(--image)}.i-media{color:var(--media)}
.i-archive{color:var(--archive)}.i-file,.i-text,.i-up{color:var(--plain)}
.up span{color:var(--soft)}
.empty{margin:0;padding:2.5rem 1rem;text-align:center;color:var(--soft)}
.pager{display:flex;justify-content:space-between;align-items:center;padding:.4rem;
border-top:1px solid var(--line);font-size:.875rem}
.pager p{margin:0;color:var(--soft)}
.pager a,.pager span{padding:.55rem .9rem;border-radius:.5rem}
.pager a{color:var(--link);font-weight:600}
.pager a:hover{background:var(--hover)}
.pager span{color:var(--soft);opacity:.5}
@media(max-width:40rem){
body{padding:1.1rem .75rem 2rem}
ol{font-size:1.15rem}
thead tr{display:flex;border-bottom:1px solid var(--line)}
th{border:0}th.n{flex:1}.s,.m{width:auto}
th a,th:not(:has(a)){padding:.8rem .75rem}
tbody tr{display:grid;grid-template-columns:minmax(0,1fr) auto;border-top:1px solid var(--line)}
tbody tr:first-child{border-top:0}
td{border:0}
td.n{grid-area:1/1/3/2}
td.n a{padding:.6rem .75rem 1.75rem;min-height:3.9rem;align-items:flex-start}
tr.up td.n{grid-area:1/1/2/3}
tr.up td.n a{padding:.8rem .75rem;min-height:0;align-items:center}
tr.up td:not(.n){display:none}
td.m{grid-area:2/1;padding:0 .75rem .55rem 2.75rem;text-align:left;font-size:.8125rem;
pointer-events:none;align-self:end}
td.s{grid-area:1/2/3/3;align-self:center;padding:0 .75rem}
}
@media print{main{border:0}thead,.pager{display:none}}
"""

_SHEET = "M6.5 2h7L19 7.5V20a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V3.5A1.5 1.5 0 0 1 6.5 2z"
_SCREEN = "M4 4h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z"

# Drawn on 24 by 24; a path inside another is a hole (fill-rule evenodd).
_SHAPES = {
    "home": "M12 3 3 10.5V20a1 1 0 0 0 1 1h5.5v-6h5v6H20a1 1 0 0 0 1-1v-9.5z",
    "up": "M12 4.5 5 11.6l1.5 1.5 4.4-4.4V20h2.2V8.7l4.4 4.4 1.5-1.5z",
    "asc": "m12 8-6 6 1.4 1.4 4.6-4.5 4.6 4.5L18 14z",
    "desc": "m12 16 6-6-1.4-1.4-4.6 4.5-4.6-4.5L6 10z",
    "folder": "M4 4.5h5l2.5 2.5H20A1.5 1.5 0 0 1 21.5 8.5v9A2 2 0 0 1 19.5 19.5h-15"
    "a2 2 0 0 1-2-2V6A1.5 1.5 0 0 1 4 4.5z",
    "file": _SHEET + "M13 3.8V8h4.2z",
    "text": _SHEET + "M8 10h8v1.5H8zM8 13.5h8V15H8zM8 17h5v1.5H8z",
    "image": _SCREEN + "M5 17h14l-4.5-6-3.5 4.5-2.5-3zM8 6.7a1.8 1.8 0 1 0 0 3.6"
    " 1.8 1.8 0 1 0 0-3.6z",
    "media": _SCREEN + "M10 8v8l6-4z",
    "archive": "M4 3h16a1 1 0 0 1 1 1v4H3V4a1 1 0 0 1 1-1zM4 9.5h16V20a1 1 0 0 1-1 1H5"
    "a1 1 0 0 1-1-1zM9.5 12v1.8h5V12z",
}

ICONS = (
    '<svg class="icons" aria-hidden="true">'
    + "".join(
        f'<symbol id="{name}" viewBox="0 0 24 24"><path fill-rule="evenodd" d="{path}"/></symbol>'
        for name, path in _SHAPES.items()
    )
    + "</svg>"
)
