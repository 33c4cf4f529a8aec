import { startEngine } from './src/engine/engine.ts';
import { PRESETS } from './src/setup/presets.ts';
import { parseSetup } from './src/setup/schema.ts';
import { train } from './src/training/trainer.ts';
await startEngine();
const s:any=structuredClone(PRESETS.pocket);
for(const a of process.argv.slice(2)){const [k,v]=a.split('='); const p=k.split('.'); let o=s; for(const q of p.slice(0,-1))o=o[q]; o[p.at(-1)!]=JSON.parse(v);}
const setup=parseSetup(s); const t0=performance.now(); let tp=t0;
const f=(x:number)=>x.toFixed(3);
const out=await train(setup,{onProgress:p=>{ if(p.evaluation && (p.step%100===0||p.phase==='joint')){const e=p.evaluation.sets; if(process.env.V)console.error(p.phase,p.step,'h',f(e.heldOut.guessRate),'u',f(e.useful.guessRate),'r',f(e.random.guessRate),'llh-r',f(e.heldOut.logLikelihood-e.random.logLikelihood),'t',((performance.now()-t0)/1000).toFixed(0));} if(p.step===p.steps)tp=performance.now();}});
const d=out.evaluations.filter(e=>e.phase==='dpo').at(-1)?.sets, e=out.evaluations.at(-1)!, x=e.sets;
console.log(JSON.stringify(process.argv.slice(2)),'DPO h/u/r perf',d?[d.heldOut.perf,d.useful.perf,d.random.perf].map(f).join('/'):'', 'END',e.step,'h',f(x.heldOut.guessRate),'u',f(x.useful.guessRate),'r',f(x.random.guessRate),'top',f(x.heldOut.topRate),'ll h-r',f(x.heldOut.logLikelihood-x.random.logLikelihood),'perf',f(x.heldOut.perf),'sec',((performance.now()-t0)/1000).toFixed(0));
