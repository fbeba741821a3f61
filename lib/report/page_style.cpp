#include "report/markup.hpp"

namespace tidegate::report {

// Every colour pair used for text reaches 4.5:1 in both themes (WCAG 2.1, success criterion 1.4.3).
const std::string_view plot_style = R"css(
:root{color-scheme:light dark;
--bg:#f4f6f8;--card:#fff;--ink:#12212b;--soft:#51626f;--rule:#dce3e8;--grid:#e9eef1;
--teal:#0b7285;--amber:#b45309;--violet:#6741c8;--slate:#475569;--rose:#a8327a;--red:#c4262e;--green:#23703a;
--wash:.13;--redwash:.24;--onbar:#fff}
@media(prefers-color-scheme:dark){:root{
--bg:#0d1318;--card:#141c23;--ink:#e3ebf0;--soft:#9cadb9;--rule:#2a363f;--grid:#1f2a32;
--teal:#45c4d6;--amber:#f2a84c;--violet:#b19bff;--slate:#a3b3c4;--rose:#f28bc2;--red:#ff7a72;--green:#6ccb86;
--wash:.17;--redwash:.3;--onbar:#0d1318}}
.p0{--c:var(--amber)}.p1{--c:var(--teal)}.p2{--c:var(--violet)}.p3{--c:var(--slate)}.p4{--c:var(--rose)}.p5{--c:var(--green)}
.k0{--c:var(--teal)}.k1,.k2{--c:var(--violet)}.k3{--c:var(--ink)}.k4{--c:var(--slate)}
.red{--c:var(--red)}
.plot{display:block;overflow:visible;font-size:11.5px}
.plot text{fill:var(--soft)}
.plot .g{stroke:var(--grid)}.plot .base{stroke:var(--rule)}
.plot path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.plot .line{stroke:var(--c);stroke-width:1.6}
.plot .thin{stroke-width:1.3}
.plot .dash{stroke-dasharray:6 4;stroke-width:1.4}.plot .dot{stroke-dasharray:1.5 3.5;stroke-width:1.6;stroke-linecap:round}
.plot .area{fill:var(--c);fill-opacity:var(--wash)}
.plot .over{fill:var(--red);fill-opacity:var(--redwash);stroke:var(--red);stroke-width:1.6}
.plot .over:is(.p0,.p1,.p2,.p3,.p4,.p5){stroke:var(--c)}
.plot .limit{stroke:var(--red);stroke-width:1.2;stroke-dasharray:5 4}
.plot text.word{fill:var(--red);font-weight:600;paint-order:stroke;stroke:var(--card);stroke-width:4px}
.plot circle.peak{fill:var(--c);stroke:var(--card);stroke-width:1.5}
.plot text.peak{fill:var(--c);font-weight:650;font-size:12.5px;paint-order:stroke;stroke:var(--card);stroke-width:4px}
.plot .hold{fill:url(#hatch);stroke:var(--soft);stroke-opacity:.5}
.plot .cross{stroke:var(--soft);stroke-dasharray:2 3;pointer-events:none}
.bar{fill:var(--teal)}.bar.canary{fill:var(--slate)}.bar.open{fill-opacity:.45}
.track{fill:var(--c)}
.plot text.lane{font-size:11px;fill:var(--ink);paint-order:stroke;stroke:var(--card);stroke-width:3px}
.plot text.idle{fill:var(--soft)}
.plot text.on{fill:var(--onbar);stroke:none}
)css";

const std::string_view page_style = R"css(
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI","Apple SD Gothic Neo","Malgun Gothic","Noto Sans KR","Noto Sans CJK KR",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1160px;margin:0 auto;padding:36px 24px 64px}
h1,h2,h3,p{margin:0}
a{color:var(--teal)}
h1{font-size:29px;line-height:1.25;letter-spacing:-.015em;font-weight:650;overflow-wrap:anywhere}
h2{font-size:19px;letter-spacing:-.01em;font-weight:650;margin:44px 0 14px}
h3{font-size:14.5px;font-weight:600}
.soft{color:var(--soft)}
.brand{display:flex;align-items:center;gap:9px;color:var(--soft);font-size:13px;letter-spacing:.04em;margin-bottom:16px}
.brand svg{display:block}
.title{display:flex;flex-wrap:wrap;align-items:center;gap:10px 16px}
.pill{display:inline-flex;align-items:center;gap:7px;border:1px solid currentColor;border-radius:99px;padding:2px 12px 2px 10px;font-size:13px;font-weight:600;white-space:nowrap;color:var(--slate)}
.pill::before{content:"";width:8px;height:8px;border-radius:50%;background:currentColor}
.good{color:var(--green)}.bad{color:var(--red)}.warn{color:var(--amber)}.live{color:var(--teal)}
.lede{color:var(--soft);margin-top:6px}
.card{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:20px 22px}
.card+.card{margin-top:16px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(138px,1fr));gap:1px;background:var(--card);border:1px solid var(--rule);border-radius:12px;overflow:hidden;margin-top:26px}
.tile{box-shadow:0 0 0 1px var(--rule);padding:15px 18px 16px}
.tile dt{color:var(--soft);font-size:12.5px}
.tile dd{margin:3px 0 0}
.tile b{display:block;font-size:24px;line-height:1.25;font-weight:620;letter-spacing:-.02em;white-space:nowrap}
.tile small{display:block;color:var(--soft);font-size:12.5px}
.duel{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:16px;margin-top:26px}
.duel .card{margin:0;border-top:4px solid var(--c);padding:18px 22px 20px}
.duel b{display:block;font-size:46px;line-height:1.1;font-weight:620;letter-spacing:-.035em;margin:8px 0 4px}
.duel .who{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;justify-content:space-between}
figure{margin:0}
figure+figure{margin-top:30px}
figcaption{display:flex;flex-wrap:wrap;gap:2px 20px;align-items:baseline;justify-content:space-between;margin-bottom:10px}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;list-style:none;margin:0;padding:0;font-size:12.5px;color:var(--soft)}
.legend li{display:inline-flex;align-items:center;gap:6px}
.key{display:inline-block;width:18px;height:0;border-top:2.5px solid var(--c,var(--soft))}
.key.dash{border-top:2px dashed var(--c,var(--soft))}.key.dot{border-top:2px dotted var(--c,var(--soft))}
.key.box{height:11px;width:11px;border:0;border-radius:3px;background:var(--c)}
.key.hatch{height:11px;width:14px;border:1px solid var(--soft);background:repeating-linear-gradient(45deg,var(--soft) 0 1px,transparent 1px 4px)}
.frame{padding:6px 4px 0 52px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:30px}
.pair figure+figure{margin-top:0}
.stack{display:flex;gap:2px;height:14px;border-radius:7px;overflow:hidden;margin:12px 0 10px;background:var(--grid)}
.stack i{min-width:3px;background:var(--c)}
.o-ok{--c:var(--teal)}.o-sure{--c:var(--green)}.o-bad{--c:var(--red)}.o-doubt{--c:var(--amber)}.o-skip{--c:var(--slate)}.o-late{--c:var(--violet)}.o-wait{--c:var(--rule)}
.scroll{overflow-x:auto}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--teal);outline-offset:3px}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{padding:7px 14px 7px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th:last-child,td:last-child{padding-right:0}
tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-weight:500;font-size:12.5px;white-space:nowrap}
tbody th{font-weight:500;white-space:nowrap}
.n{text-align:right;white-space:nowrap}
td time{white-space:nowrap}
td.text{overflow-wrap:anywhere;min-width:12em}
.compare th,.compare td{padding-top:9px;padding-bottom:9px}
.compare thead th{color:var(--ink);font-weight:600;font-size:13.5px}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:16px;align-items:start}
.two .card{margin:0}
details{border:1px solid var(--rule);border-radius:12px;margin-top:12px;padding:0 22px;background:var(--card)}
summary{cursor:pointer;padding:14px 0;font-weight:600}
details[open]{padding-bottom:20px}
details .card{border:0;padding:12px 0 0}
footer{color:var(--soft);font-size:12.5px;margin-top:44px}
#read{position:fixed;z-index:2;pointer-events:none;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:7px 11px;font-size:12.5px;line-height:1.5;box-shadow:0 4px 18px rgba(0,0,0,.16);white-space:pre;display:none}
@media(max-width:600px){main{padding:24px 14px 48px}h1{font-size:23px}.card{padding:16px 14px}.frame{padding-left:46px}.tile{padding:12px 14px}.tile b{font-size:20px}.duel b{font-size:36px}th,td{padding-right:10px}.plot{font-size:11px}details{padding:0 14px}}
@media print{body{background:#fff}main{max-width:none;padding:0}figure,.card,.tiles{break-inside:avoid}#read{display:none!important}}
)css";

// Without it the page loses nothing but the values under the pointer. It writes text only, never markup.
const std::string_view page_script = R"js(
(function(){var plots=[].slice.call(document.querySelectorAll('svg.plot[data-top]'));if(!plots.length)return;
var box=document.createElement('div');box.id='read';document.body.appendChild(box);
var NS='http://www.w3.org/2000/svg',cross=plots.map(function(p){var l=document.createElementNS(NS,'line');l.setAttribute('class','cross');l.setAttribute('y1',0);l.setAttribute('y2',p.dataset.h);l.style.display='none';p.appendChild(l);return l});
function points(path){if(path.pts)return path.pts;return path.pts=path.getAttribute('d').split(/[ML]/).slice(1).map(function(s){var a=s.split(' ');return[+a[0],+a[1]]})}
function value(p,y){var h=+p.dataset.h,top=+p.dataset.top,low=+p.dataset.low,f=1-y/h;return low>0?low*Math.pow(top/low,f):top*f}
function say(v,unit){if(unit==='')return Math.round(v).toLocaleString('en');if(unit==='/s')return(v<10?v.toFixed(1):Math.round(v).toLocaleString('en'))+'/s';return v<1?Math.round(v*1000)+' ms':v.toFixed(2)+' s'}
function time(t){if(t<60)return t.toFixed(1)+' s';var h=Math.floor(t/3600),m=Math.floor(t/60)%60,s=Math.floor(t)%60;return(h?h+' h ':'')+m+' m '+(s<10?'0':'')+s+' s'}
function hide(){box.style.display='none';cross.forEach(function(c){c.style.display='none'})}
plots.forEach(function(p){p.addEventListener('pointerleave',hide);p.addEventListener('pointermove',function(e){
var r=p.getBoundingClientRect(),f=(e.clientX-r.left)/r.width;if(f<0||f>1){hide();return}
var x=f*1200,rows=[time(f*p.dataset.end)];
[].forEach.call(p.querySelectorAll('path[data-n]'),function(path){var a=points(path),i=0,j=a.length-1;
while(i<j){var m=(i+j+1)>>1;if(a[m][0]<=x)i=m;else j=m-1}
if(a.length&&Math.abs(a[i][0]-x)<40)rows.push(path.dataset.n+'  '+say(value(p,a[i][1]),p.dataset.unit))});
cross.forEach(function(c,k){if(plots[k].dataset.end===p.dataset.end){var at=(f*100)+'%';c.setAttribute('x1',at);c.setAttribute('x2',at);c.style.display=''}});
box.textContent=rows.join('\n');box.style.display='block';
var w=box.offsetWidth,left=e.clientX+16;if(left+w>innerWidth-8)left=e.clientX-w-16;
box.style.left=Math.max(4,left)+'px';box.style.top=Math.max(4,e.clientY-box.offsetHeight-12)+'px'})});
[].forEach.call(document.querySelectorAll('time'),function(t){t.title='your time: '+new Date(t.dateTime).toLocaleString()})})();
)js";

}  // namespace tidegate::report
