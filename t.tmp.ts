import { startEngine } from './src/engine/engine.ts';
import { runAll } from './src/runs/pool.ts';
import { RunStore } from './src/runs/store.ts';
import { tinySetup } from './spec/helpers/setups.ts';
const engine=await startEngine('wasm'); const store=new RunStore('/tmp/store1'); await store.open();
const r=await runAll([1,2,3].map(seed=>tinySetup(s=>{s.seed=seed})),{engine,store,jobs:2,onProgress:(s,p)=>{if(p.step===2)console.log(s.seed,p.phase,p.step,p.loss)}});
console.log(r.map(x=>[x.file,x.record.status,(x.record as any).error,(x.record as any).parametersDigest,x.reused]));
