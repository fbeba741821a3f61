#include "control/status.hpp"

namespace tidegate::control {

const std::string& dashboard_page() {
    static const std::string page = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>tidegate</title>
<style>
:root{color-scheme:light dark;--bg:#f7f8fa;--card:#fff;--ink:#1b2430;--soft:#5b6675;--line:#dfe4ea;--good:#147d54;--bad:#b3261e;--tide:#1f6feb}
@media(prefers-color-scheme:dark){:root{--bg:#10151c;--card:#18202a;--ink:#e6ebf1;--soft:#9aa7b5;--line:#2a3542;--good:#4cc38a;--bad:#ff8a80;--tide:#6cb0ff}}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,"Noto Sans KR","Apple SD Gothic Neo",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:960px;margin:0 auto;padding:24px}h1{font-size:20px;margin:0 0 16px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 20px;margin:0 0 16px}
h2{font-size:16px;margin:0 0 8px;display:flex;gap:10px;align-items:center}
.pill{font-size:12px;padding:1px 10px;border-radius:99px;border:1px solid currentColor}.good{color:var(--good)}.bad{color:var(--bad)}
.bar{height:10px;border-radius:6px;background:var(--line);overflow:hidden;margin:8px 0}.bar i{display:block;height:100%;background:var(--tide)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(140px,1fr));gap:8px 16px;margin:8px 0 0}dt{color:var(--soft);font-size:12px}dd{margin:0;font-weight:600}
p{margin:6px 0;color:var(--soft)}input,button{font:inherit;padding:6px 10px;border-radius:8px;border:1px solid var(--line);background:var(--card);color:var(--ink)}
</style></head><body><main><h1>tidegate</h1><div id="view"></div></main>
<script>
const view=document.getElementById('view');let token=sessionStorage.getItem('token')||'';
const el=(tag,text,cls)=>{const e=document.createElement(tag);if(text!==undefined)e.textContent=text;if(cls)e.className=cls;return e};
const num=(v,d=0)=>v===null||v===undefined?'–':Number(v).toLocaleString(undefined,{maximumFractionDigits:d});
function ask(message){view.replaceChildren();const s=el('section');s.append(el('p',message));const f=el('form');const i=el('input');i.type='password';i.placeholder='token';i.setAttribute('aria-label','token');
f.append(i,' ',el('button','Show'));f.onsubmit=e=>{e.preventDefault();token=i.value.trim();sessionStorage.setItem('token',token);tick()};s.append(f);view.append(s);i.focus()}
function facts(pairs){const d=el('dl');for(const[k,v]of pairs){const b=el('div');b.append(el('dt',k),el('dd',v));d.append(b)}return d}
function campaign(c){const s=el('section');const h=el('h2',c.campaign);h.append(el('span',c.paused?'paused':c.state,'pill '+(c.paused||c.state!=='running'&&c.state!=='completed'?'bad':'good')));s.append(h);
const done=c.recipients-c.outcomes.pending;const bar=el('div',undefined,'bar');const fill=el('i');fill.style.width=(c.recipients?100*done/c.recipients:0)+'%';bar.append(fill);s.append(bar);
if(c.reason)s.append(el('p',c.reason));
s.append(facts([['recipients',num(c.recipients)],['done',num(done)],['accepted',num(c.outcomes.accepted)],['unknown',num(c.outcomes.unknown)],['rate',num(c.rate)+'/s'],['allowed',c.allowed===null?'unlimited':num(c.allowed)+'/s'],['cohort',(c.cohort+1)+' of '+c.cohorts],['in flight',num(c.in_flight)],['left',c.eta_s===null?'–':num(c.eta_s)+' s']]));return s}
function backend(b){const s=el('section');const h=el('h2',b.name);h.append(el('span',b.state,'pill '+(b.state==='open'?'good':'bad')));s.append(h);if(b.reason)s.append(el('p',b.reason));
s.append(facts([['p99',num(b.p99_ms)+' of '+num(b.slo_ms)+' ms'],['load',num(b.load)+'/s'],['committed',num(b.committed)+'/s'],['baseline',num(b.baseline)+'/s'],['trusted with',b.ceiling===null?'–':num(b.ceiling)+'/s'],['telemetry age',num(b.age_s,1)+' s']]));return s}
async function tick(){if(!token)return ask('The operator\'s token opens this page.');
try{const r=await fetch('status',{headers:{Authorization:'Bearer '+token}});if(r.status===401){token='';return ask('That token is not right.')}
const j=await r.json();view.replaceChildren(...j.campaigns.slice().reverse().map(campaign),...j.backends.map(backend))}catch(e){view.replaceChildren(el('p','The gate does not answer.'))}
setTimeout(tick,1000)}
tick();
</script></body></html>
)html";
    return page;
}

}  // namespace tidegate::control
