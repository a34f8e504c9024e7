"""The style sheet and the script of the status page: constants, nothing computed.

Each is one string, because the page's Content-Security-Policy names its hash. Colours follow the
reader's own light or dark setting; sizes follow the reader's own font size.
"""

STYLE = """
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--text:#1a1f26;--soft:#5f6977;
--line:#e5e8ed;--grid:#eef0f4;--good:#1d8a56;--warn:#a76400;--bad:#c2352c;
--a:#2f6fe0;--b:#d9772b;--c:#1d9a6c;--d:#8a5cd6;--e:#c4469a;--f:#5d7186;--idle:#b9c3d1}
@media(prefers-color-scheme:dark){:root{--page:#0e1116;--card:#161a21;--text:#e5e9ef;
--soft:#98a3b3;--line:#272d37;--grid:#20262f;--good:#46c487;--warn:#e0a23a;--bad:#f2796f;
--a:#78a9ff;--b:#f0a35e;--c:#4fcf9f;--d:#b795f5;--e:#ee86c6;--f:#93a5b8;--idle:#4a5464}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.5rem 1.5rem 3rem;background:var(--page);
color:var(--text);
font:.9375rem/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
-webkit-text-size-adjust:100%;font-variant-numeric:tabular-nums}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem;margin:0 .25rem 1.1rem}
h1{font-size:1.35rem;line-height:1.3;margin:0;overflow-wrap:anywhere}
header p{margin:0;color:var(--soft)}
header nav{margin-left:auto;display:flex;gap:1rem;align-items:center}
a{color:var(--a);text-decoration:none}a:hover{text-decoration:underline}
a:focus-visible{outline:2px solid var(--a);outline-offset:2px;border-radius:.2rem}
.pill{display:inline-flex;align-items:center;gap:.4rem;font-weight:600}
.pill::before{content:"";width:.6rem;height:.6rem;border-radius:50%;background:currentColor}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}.soft{color:var(--soft)}
#live{min-width:4.5rem;text-align:right;color:var(--soft);font-size:.8125rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(18.5rem,1fr));gap:.9rem}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:.7rem}
.tile{padding:.8rem 1rem .7rem;min-width:0;display:flex;flex-direction:column}
.tile h2{margin:0;font-size:.8125rem;font-weight:600;color:var(--soft);display:flex;
justify-content:space-between;gap:.5rem}
.tile h2 small{font-weight:400;font-size:.75rem}
.big{font-size:1.6rem;line-height:1.25;font-weight:650;letter-spacing:-.01em}
.big small{font-size:.875rem;font-weight:400;color:var(--soft);letter-spacing:0}
.tile svg{display:block;width:100%;height:4.5rem;margin:.35rem 0 .4rem}
.tile svg.bar{height:.7rem;border-radius:.35rem;margin:.8rem 0 .7rem;background:var(--grid)}
.note{margin:auto 0 0;font-size:.8125rem;color:var(--soft);display:flex;flex-wrap:wrap;gap:0 .9rem}
.key::before{content:"";display:inline-block;width:.6rem;height:.6rem;border-radius:.15rem;
margin-right:.35rem;background:currentColor}
.key{color:var(--soft)}.key b{font-weight:600;color:var(--text)}
.l{fill:none;stroke:currentColor;stroke-width:1.75;vector-effect:non-scaling-stroke;
stroke-linejoin:round;stroke-linecap:round}
.a{fill:currentColor;stroke:none}.t{opacity:.16}
.g{stroke:var(--grid);stroke-width:1;vector-effect:non-scaling-stroke;fill:none}
.ca,.key.ca::before{color:var(--a)}.cb,.key.cb::before{color:var(--b)}
.cc,.key.cc::before{color:var(--c)}.cd,.key.cd::before{color:var(--d)}
.ce,.key.ce::before{color:var(--e)}.cf,.key.cf::before{color:var(--f)}
.ci,.key.ci::before{color:var(--idle)}.cx,.key.cx::before{color:var(--bad)}
rect{fill:currentColor}
.key.ca,.key.cb,.key.cc,.key.cd,.key.ce,.key.cf,.key.ci,.key.cx{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:0 .9rem}
.cards div{min-width:0}
.card{overflow:hidden;margin-top:.9rem}.card:empty{display:none}
.card h2{margin:0;padding:.75rem 1rem .35rem;font-size:.9375rem}
.card h2 small{color:var(--soft);font-weight:400;margin-left:.4rem}
.wide{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.875rem}
th{padding:.3rem .6rem;text-align:left;font-size:.75rem;font-weight:600;color:var(--soft);
white-space:nowrap;border-bottom:1px solid var(--line)}
td{padding:.38rem .6rem;border-top:1px solid var(--line);vertical-align:top}
tbody tr:first-child td{border-top:0}
th:first-child,td:first-child{padding-left:1rem}th:last-child,td:last-child{padding-right:1rem}
.n{text-align:right;white-space:nowrap}
.w{overflow-wrap:anywhere}
.card>p{margin:0;padding:.2rem 1rem .85rem;color:var(--soft);font-size:.875rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.2rem 1.5rem;margin:0;
padding:.2rem 1rem .9rem;font-size:.875rem}
dl div{display:flex;justify-content:space-between;gap:1rem}
dt{color:var(--soft)}dd{margin:0;text-align:right}
.old .tiles,.old .cards{opacity:.55}
@media(max-width:40rem){
body{padding:1rem .75rem 2rem}header nav{margin-left:0;width:100%}#live{margin-left:auto}
.stack thead{display:none}
.stack tr{display:grid;grid-template-columns:repeat(3,1fr);gap:.15rem .75rem;padding:.55rem 1rem;
border-top:1px solid var(--line)}
.stack tr:first-child{border-top:0}
.stack td,.stack td:first-child,.stack td:last-child{border:0;padding:0;text-align:left}
.stack td[data-l]::before{content:attr(data-l);display:block;font-size:.75rem;color:var(--soft)}
.stack td.w{grid-column:1/-1}
}
@media print{body{max-width:none}.tile,.card{break-inside:avoid}}
"""

# It changes nothing but what the server has written itself: parts of this page, escaped there.
SCRIPT = """
(()=>{const live=document.getElementById("live");let source,timer;
const say=(word,old)=>{live.textContent=word;document.body.classList.toggle("old",old)};
const close=()=>{clearTimeout(timer);if(source){source.close();source=null}};
const open=()=>{close();source=new EventSource("/status/events");
source.onmessage=event=>{const parts=JSON.parse(event.data);
for(const name in parts){
const part=document.getElementById(name);if(part)part.innerHTML=parts[name]}
say("live",false)};
source.onerror=()=>{say("no answer",true);
if(source.readyState===2){close();timer=setTimeout(open,3000)}}};
document.addEventListener("visibilitychange",
()=>{if(document.hidden){close();say("paused",false)}else open()});
open()})()
"""
