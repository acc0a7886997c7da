"""How the page of a session looks: one style for wide and narrow screens, light and dark, and paper."""

from __future__ import annotations

STYLE = """
:root{--bg:#fbfbfa;--fg:#1c1d1f;--dim:#5d6167;--line:#d9dbde;--box:#fff;--ok:#1a7f37;--bad:#c4242b;--run:#0b62c4;
--wait:#6b7078;--warn:#8a5a00;--okbg:#eaf6ec;--badbg:#fcecec;--runbg:#e8f1fc;--waitbg:#f1f2f3;--warnbg:#fdf3dc}
@media(prefers-color-scheme:dark){:root{--bg:#141517;--fg:#e4e5e7;--dim:#9da2aa;--line:#34373c;--box:#1d1f22;
--ok:#5cc975;--bad:#ff7b7b;--run:#6cb2ff;--wait:#a0a5ad;--warn:#e5b450;--okbg:#16291b;--badbg:#341a1c;--runbg:#152638;
--waitbg:#22252a;--warnbg:#32280f}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;padding:1rem clamp(.8rem,3vw,2rem) 3rem;max-width:68rem;background:var(--bg);color:var(--fg);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0 .6rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .6rem}
a{color:inherit}
.facts{display:flex;flex-wrap:wrap;gap:.15rem 1rem;margin:.2rem 0;color:var(--dim);align-items:baseline}
svg.share{width:100%;height:.5rem;margin:.5rem 0;border-radius:4px}
header .why{color:var(--bad);margin:.2rem 0;overflow-wrap:anywhere}
.badge{background:var(--warnbg);color:var(--warn);border-radius:6px;padding:.4rem .7rem;margin:.6rem 0;
overflow-wrap:anywhere}
.goal{white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid var(--line);padding-left:.8rem;color:var(--dim)}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.8rem 0 0;padding:.5rem 0;border-bottom:1px solid var(--line)}
nav a{padding:.15rem 0}
pre.table{white-space:pre;overflow-x:auto;overflow-wrap:normal}
.scroll{overflow-x:auto;max-width:100%;border:1px solid var(--line);border-radius:8px;padding:.5rem;
background:linear-gradient(90deg,var(--box) 50%,transparent) 0/3rem 100% no-repeat local,
linear-gradient(-90deg,var(--box) 50%,transparent) 100%/3rem 100% no-repeat local,
linear-gradient(90deg,var(--line),transparent) 0/1rem 100% no-repeat scroll,
linear-gradient(-90deg,var(--line),transparent) 100%/1rem 100% no-repeat scroll,var(--box)}
svg{display:block;font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:var(--fg)}
svg.graph{margin:0 auto}
svg a{text-decoration:none}
svg .small{font-size:11px;fill:var(--dim)}
.wires path{fill:none;stroke:var(--dim);stroke-opacity:.55;stroke-width:1.3}
.wires path.tip{fill:var(--dim);fill-opacity:.8;stroke:none}
.node rect{fill:var(--waitbg);stroke:var(--wait);stroke-width:1.3}
.bar rect{fill:var(--wait)}
.tick{stroke:var(--line);fill:none}
.mark{fill:var(--warn)}
.mark.m-failure,.mark.m-crash{fill:var(--bad)}
.mark.m-user,.mark.m-fork{fill:var(--run)}
.node.s-succeeded rect{fill:var(--okbg);stroke:var(--ok)}
.node.s-failed rect,.node.s-interrupted rect{fill:var(--badbg);stroke:var(--bad)}
.node.s-running rect{fill:var(--runbg);stroke:var(--run)}
.node.s-retrying rect,.node.s-throttled rect,.node.s-held rect,.node.s-stale rect{fill:var(--warnbg);stroke:var(--warn)}
.node.s-skipped rect,.node.s-cancelled rect{stroke-dasharray:4 3}
.bar.s-succeeded rect{fill:var(--ok)}
.bar.s-failed rect,.bar.s-interrupted rect{fill:var(--bad)}
.bar.s-running rect{fill:var(--run)}
.bar.s-skipped rect,.bar.s-cancelled rect{fill-opacity:.6}
.bar.s-waiting rect,.bar.s-ready rect{fill-opacity:.3}
.bar.s-retrying rect,.bar.s-throttled rect,.bar.s-held rect,.bar.s-stale rect{fill:var(--warn)}
b.s-succeeded,em.s-succeeded,.s-succeeded>summary>b{color:var(--ok)}
b.s-failed,b.s-crashed,em.s-failed,em.s-error,.s-failed>summary>b,.why{color:var(--bad)}
b.s-running,em.s-running,.s-running>summary>b{color:var(--run)}
b.s-paused,em.s-warning,em.s-retrying{color:var(--warn)}
details{border:1px solid var(--line);border-radius:8px;background:var(--box);margin:.4rem 0}
summary{cursor:pointer;padding:.55rem .8rem;display:flex;flex-wrap:wrap;gap:.1rem .7rem;align-items:baseline;
overflow-wrap:anywhere}
summary::before{content:"\\25B8";color:var(--dim)}
details[open]>summary::before{content:"\\25BE"}
summary i{color:var(--dim);font-style:normal}
summary .facts{margin-left:auto;font-size:.875rem;gap:0 .8rem}
details>div,details>p,details>ol{padding:0 .8rem .6rem;margin:0}
details>div p{margin:.1rem 0 .5rem;color:var(--dim);overflow-wrap:anywhere}
details>div p.why{color:var(--bad);white-space:pre-wrap}
pre{margin:.3rem 0;padding:.7rem;background:var(--waitbg);border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere;
font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;max-height:36rem;overflow-y:auto}
.prose{border:1px solid var(--line);border-radius:8px;background:var(--box);padding:.2rem 1rem;overflow-wrap:anywhere}
.prose h3{font-size:1.25rem}
.prose h4{font-size:1.1rem}
.prose h5,.prose h6{font-size:1rem}
.prose h3,.prose h4,.prose h5,.prose h6{margin:1.2rem 0 .4rem}
.prose a{color:var(--run)}
.prose code{font:.875em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
background:var(--waitbg);border-radius:4px;padding:.1em .3em}
.prose pre{max-height:none}
.prose pre code{padding:0;background:none;font:inherit}
.prose blockquote{margin:.6rem 0;padding:0 0 0 .8rem;border-left:3px solid var(--line);color:var(--dim)}
.prose table{display:block;overflow-x:auto;border-collapse:collapse}
.prose th,.prose td{border:1px solid var(--line);padding:.25rem .6rem;text-align:left;vertical-align:top}
.prose hr{border:0;border-top:1px solid var(--line)}
#log ol{list-style:none;font-size:.875rem}
#log li{padding:.12rem 0;overflow-wrap:anywhere;border-top:1px solid var(--line)}
#log time{color:var(--dim);font-variant-numeric:tabular-nums}
#log em{font-style:normal}
footer{margin-top:2.5rem;color:var(--dim);font-size:.875rem;overflow-wrap:anywhere}
@media(max-width:40rem){body{font-size:15px}summary .facts{margin-left:0;flex-basis:100%;padding-left:1.2rem}}
@media(min-width:60rem){svg.fit{max-width:100%;height:auto}}
@media print{pre{max-height:none}.scroll{overflow:visible}}
"""
