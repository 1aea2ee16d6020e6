(()=>{const d=document,two=n=>String(n).padStart(2,'0'),all=s=>[...d.querySelectorAll(s)];d.documentElement.classList.add('js');
for(const t of all('time[datetime]')){const w=new Date(t.dateTime);if(!isNaN(w))t.textContent=w.getDate()+' '+'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[w.getMonth()]+' '+w.getFullYear()+', '+two(w.getHours())+':'+two(w.getMinutes())}
const fit=f=>{const p=f.contentDocument;if(!p||!p.body||!f.offsetParent)return;f.style.height='0';const e=p.documentElement;f.style.height=Math.min(e.scrollHeight+(e.scrollWidth>e.clientWidth?18:2),30000)+'px'};
const fitAll=()=>all('iframe.mail').forEach(fit);
for(const f of all('iframe.mail')){f.addEventListener('load',()=>fit(f));fit(f)}
for(const l of all('details.letter'))l.addEventListener('toggle',fitAll);
addEventListener('resize',fitAll);addEventListener('load',fitAll);
const aim=()=>{const e=location.hash&&d.getElementById(location.hash.slice(1)),l=e&&e.closest('details');if(l){l.open=true;l.scrollIntoView()}};
addEventListener('hashchange',aim);aim();
const help=d.getElementById('keys');
d.getElementById('ask').addEventListener('click',()=>help.showModal());
help.addEventListener('click',e=>{if(e.target===help||e.target.closest('button'))help.close()});
d.addEventListener('keydown',e=>{const on=e.target;if(e.altKey||e.ctrlKey||e.metaKey||e.isComposing||on.isContentEditable||/^(INPUT|TEXTAREA|SELECT)$/.test(on.tagName))return;
if(e.key==='?'){e.preventDefault();help.open?help.close():help.showModal();return}
if(help.open){if('jk/'.includes(e.key))e.preventDefault();return}
if(e.key==='/'){const q=d.querySelector('#search:not([hidden]) #query')||d.querySelector('a.find');if(q){e.preventDefault();q.tagName==='A'?q.click():q.focus()}return}
const step={j:1,k:-1}[e.key];if(!step)return;
const i=all('.rows .what a[href],.thread .letter>summary'),n=i.indexOf(d.activeElement),to=i.length?i[Math.max(0,Math.min(i.length-1,n<0?0:n+step))]:d.querySelector('.next a[rel='+(step>0?'next':'prev')+']');
if(to){to.focus();e.preventDefault()}})})();
