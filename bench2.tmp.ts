import { startEngine, tf } from './src/engine/engine.ts';
import { initialValues, loadParameters, trainableNames } from './src/model/parameters.ts';
import { tokenBatch, scratchTokenIds } from './src/passwords/tokens.ts';
import { buildCorpus } from './src/passwords/corpus.ts';
import { lossAndGradients } from './src/training/step.ts';
import { applyGradients, freshOptimiserState } from './src/training/optimiser.ts';
import { score } from './src/training/scoring.ts';
import { parseSetup } from './src/setup/schema.ts';
console.log(await startEngine()); const T:any={}; for(const k of tf.getKernelsForBackend("wasm")){const f=k.kernelFunc; (k as any).kernelFunc=(a:any)=>{const t=performance.now(); const r=f(a); const e=T[k.kernelName]??=[0,0]; e[0]+=performance.now()-t; e[1]++; return r;};}
const H=+(process.argv[2]??64), L=+(process.argv[3]??4);
const setup=parseSetup({name:'x',seed:0,passwords:{alphabet:'abcdefghijklmnopqrstuvwxyz',length:8,negativeBatches:16,heldBatches:4,repeats:50},batch:16,prefixes:true,
 model:{pretrained:null,hidden:H,layers:L,heads:4,intermediateFactor:4,rotaryFraction:.25,rotaryBase:10000,layerNormEpsilon:1e-5,vocabulary:null,initialDeviation:.02},beta:.3,
 optimiser:{learningRate:1e-3,beta1:.9,beta2:.999,epsilon:1e-8,weightDecay:.01,warmupSteps:100,clipNorm:1},
 phases:{pretrain:{steps:200},dpo:{steps:800,trainable:'all'},joint:{steps:1400,weights:{dpo:1,useful:.5,random:.5},stopAtUsefulGuessRate:2.5}},evaluation:{every:50,heldOut:64,useful:128,random:512}});
const ids=scratchTokenIds(setup); let t0=performance.now(); const corpus=buildCorpus(setup); console.log('corpus',performance.now()-t0);
const values=initialValues(setup); const params=loadParameters(setup,values); const names=trainableNames(setup,'all');
for(const phase of ['pretrain','dpo','joint'] as const){ const st=freshOptimiserState(names,values);
 for(const k in T)delete T[k]; const P0=performance.now(); let n=0,t=0,tA=0; for(let s=0;s<60;s++){ if(s===20){t=performance.now();tA=0;n=0}
  const examples=corpus.examples(phase,s); const batch=tokenBatch(examples,ids);
  const {losses,gradients}=lossAndGradients(params,setup.model,names,{examples,batch,weights:{dpo:1,useful:.5,random:.5},beta:.3,reference:()=>-26});
  const a=performance.now(); const norm=applyGradients(params,values,st,gradients,setup.optimiser,1e-3,s+1); tA+=performance.now()-a; n++;
  if(s%30===0)console.log(phase,s,losses,norm,tf.memory().numTensors);
 } console.log(phase,'total',(performance.now()-P0)/60); console.log(Object.entries(T).sort((a:any,b:any)=>b[1][0]-a[1][0]).slice(0,20).map(([k,v]:any)=>k+' '+(v[0]/60).toFixed(2)+'ms x'+(v[1]/60)).join('\n')); console.log(phase,'ms/step',(performance.now()-t)/n,'adam',tA/n); }
t0=performance.now(); score(params,setup.model,ids,corpus.control,'reverse'); console.log('score 512',performance.now()-t0, process.memoryUsage().rss/1e6);
