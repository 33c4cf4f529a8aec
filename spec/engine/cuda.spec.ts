/** The variant of the native engine for CUDA. What it does on a GPU alone is tried on the processor, where that can be. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { EngineError, startEngine, tf } from '../../src/engine/engine.ts';
import { nativeBackend, typeAttribute } from '../../src/engine/native/backend.ts';
import {
  type Gpu,
  gpuInWords,
  gpusInList,
  gpusOfDriver,
  isCuda,
  modelOf,
  setCudaVariables,
  whyNoGpu,
} from '../../src/engine/native/cuda.ts';
import { NativeTraining } from '../../src/engine/native/training.ts';
import { composedCrossEntropy } from '../../src/engine/operations/token-log-probability.ts';
import { PHASES } from '../../src/passwords/roles.ts';
import { stream } from '../../src/random/streams.ts';
import { trainToEnd } from '../../src/training/trainer.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { tinySetup } from '../helpers/setups.ts';

const H100: Gpu = { model: 'NVIDIA H100 80GB HBM3', uuid: 'GPU-0a1b2c3d-0000-0000-0000-000000000000' };
const T4: Gpu = { model: 'Tesla T4', uuid: 'GPU-ffffffff-0000-0000-0000-000000000000' };

describe('the variant for CUDA', () => {
  it('is told by the folder of NVIDIA’s libraries beside TensorFlow’s', () => {
    const folder = temporaryFolder();
    expect(isCuda(folder)).toBe(false);
    mkdirSync(path.join(folder, 'deps', 'nvidia'), { recursive: true });
    expect(isCuda(folder)).toBe(true);
  });

  it('has float32 without TF32, the same bits every time, memory as it is needed, and one GPU', () => {
    const environment: NodeJS.ProcessEnv = {};
    setCudaVariables(environment);
    expect(environment).toEqual({
      NVIDIA_TF32_OVERRIDE: '0',
      TF_DETERMINISTIC_OPS: '1',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      CUDA_VISIBLE_DEVICES: '0',
    });
  });

  it('leaves what someone has set, and says so where digits depend on it', () => {
    const environment: NodeJS.ProcessEnv = { NVIDIA_TF32_OVERRIDE: '1', CUDA_VISIBLE_DEVICES: '1' };
    setCudaVariables(environment);
    expect(environment).toMatchObject({ NVIDIA_TF32_OVERRIDE: '1', CUDA_VISIBLE_DEVICES: '1' });
    expect(gpuInWords(environment, () => [T4, H100])).toBe('NVIDIA H100 80GB HBM3, NVIDIA_TF32_OVERRIDE=1');
  });

  it('refuses several GPUs, of which sessions and operations would take different ones', () => {
    expect(() => setCudaVariables({ CUDA_VISIBLE_DEVICES: '0,1' })).toThrow(EngineError);
    expect(() => setCudaVariables({ CUDA_VISIBLE_DEVICES: '0,1' })).toThrow(
      'CUDA_VISIBLE_DEVICES is "0,1"; a process computes on one GPU: name one',
    );
  });

  it('names the GPU, or says why none may have been found', () => {
    const environment: NodeJS.ProcessEnv = {};
    setCudaVariables(environment);
    expect(gpuInWords(environment, () => [H100])).toBe('NVIDIA H100 80GB HBM3');
    expect(whyNoGpu([])).toContain('no NVIDIA driver');
    expect(whyNoGpu([T4, H100])).toContain('lists Tesla T4, NVIDIA H100 80GB HBM3, but TensorFlow could not use it');
  });
});

describe('GPUs', () => {
  it('are read from what nvidia-smi lists', () => {
    const listing = `GPU 0: ${T4.model} (UUID: ${T4.uuid})\nGPU 1: ${H100.model} (UUID: ${H100.uuid})\n  MIG 1g.10gb Device 0: (UUID: MIG-1)\n`;
    expect(gpusInList(listing)).toEqual([T4, H100]);
    expect(gpusInList('NVIDIA-SMI has failed because it couldn’t communicate with the NVIDIA driver.')).toEqual([]);
  });

  it('are read from the driver, in the order of their addresses', () => {
    const folder = temporaryFolder();
    for (const [address, { model, uuid }] of [
      ['0000:65:00.0', H100],
      ['0000:17:00.0', T4],
    ] as const) {
      mkdirSync(path.join(folder, address));
      const information = `Model: \t\t ${model}\nIRQ:   \t\t 18\nGPU UUID: \t ${uuid}\nDevice Minor: \t 0\n`;
      writeFileSync(path.join(folder, address, 'information'), information);
    }
    expect(gpusOfDriver(folder)).toEqual([T4, H100]);
    expect(gpusOfDriver(path.join(folder, 'none'))).toEqual([]);
  });

  it.each([
    ['0', T4.model],
    ['1', H100.model],
    ['GPU-0a1b', H100.model],
    ['2', 'a GPU without a name'],
    ['MIG-1', 'a GPU without a name'],
    ['', 'a GPU without a name'],
  ])('the one called "%s" is %s', (visible, model) => {
    expect(modelOf([T4, H100], visible)).toBe(model);
  });

  it('need no number where all are of one model', () => {
    expect(modelOf([H100, H100], 'MIG-1')).toBe(H100.model);
  });
});

describe.skipIf(!ENGINES_HERE.includes('native'))('on a GPU', () => {
  it('a session that keeps the gradient takes the same steps as one that is fed it', async () => {
    const setup = tinySetup((draft) => {
      draft.batch = 6;
    });
    const engine = await startEngine('native');
    const trained = (keepGradient: boolean) => {
      const newResidentTraining = (...given: ConstructorParameters<typeof NativeTraining>) => {
        const [parameters, names, betas, moments] = given;
        return new NativeTraining(parameters, names, betas, moments, keepGradient);
      };
      const execution = { microBatch: 4 }; // in passes, whose gradients are added up
      return trainToEnd(setup, { engine: { ...engine, newResidentTraining }, execution });
    };
    const { trajectories: fed } = await trained(false);
    const tensors = tf.memory().numTensors;
    const { trajectories: kept } = await trained(true);
    expect(tf.memory().numTensors).toBe(tensors);
    for (const phase of PHASES) {
      for (const key of ['total', 'gradientNorm'] as const) {
        expect(kept[phase][key]).toHaveLength(fed[phase][key].length);
        // Mostly equal to the last bit; but TensorFlow may add the numbers up in another order in another graph.
        kept[phase][key].forEach((value, step) => {
          const exact = fed[phase][key][step];
          expect(Math.abs(value - exact), `${phase} step ${step} ${key}`).toBeLessThan(1e-5 * Math.abs(exact));
        });
      }
    }
  });

  it('the loss of each row and its derivative are those of TensorFlow’s kernel, which a GPU refuses', async () => {
    await startEngine('native');
    const draws = stream(1, 'cross entropy');
    const [rows, vocabulary] = [40, 300];
    const numbers = Float32Array.from({ length: rows * vocabulary }, () => 5 * draws.normal(1));
    const next = Int32Array.from({ length: rows }, () => draws.below(vocabulary));
    tf.tidy(() => {
      const [logits, labels] = [tf.tensor2d(numbers, [rows, vocabulary]), tf.tensor1d(next, 'int32')];
      const attributes = [typeAttribute('T', 'TF_FLOAT'), typeAttribute('Tlabels', 'TF_INT32')];
      const kernel = 'SparseSoftmaxCrossEntropyWithLogits';
      const expected = nativeBackend().executeMultipleOutputs(kernel, attributes, [logits, labels], 2);
      const actual = composedCrossEntropy(logits, labels);
      expect(actual.map(({ shape }) => shape)).toEqual([[rows], [rows, vocabulary]]);
      // Losses are up to some 30, probabilities up to 1; both are rounded to 6e-8 a few times.
      for (const [which, bound] of [1e-5, 1e-6].entries()) {
        const furthest = tf.max(tf.abs(tf.sub(actual[which], expected[which]))).dataSync()[0];
        expect(furthest).toBeLessThan(bound);
      }
    });
  });
});
