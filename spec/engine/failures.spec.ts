/** How faults of a GPU are collected, on a device that is none. On a GPU: spec/engine/webgpu/failures.spec.ts. */
import { describe, expect, it } from 'vitest';
import { DeviceError, Failures } from '../../src/engine/webgpu/failures.ts';

class GPUOutOfMemoryError extends Error {}
class GPUValidationError extends Error {}

/** A device that reports what it is told to. */
function device() {
  const events = new EventTarget();
  let lose = (_: GPUDeviceLostInfo) => {};
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
    lose = resolve;
  });
  const labels: string[] = [];
  const made = Object.assign(events, {
    lost,
    createBuffer: ({ label }: { label: string }) => labels.push(label),
  });
  const report = (error: Error) => events.dispatchEvent(Object.assign(new Event('uncapturederror'), { error }));
  return { device: made as unknown as GPUDevice, labels, report, lose };
}

describe('the faults of a GPU', () => {
  it('are none at first', () => {
    const failures = new Failures(device().device);
    expect(failures.some).toBe(false);
    expect(() => failures.check()).not.toThrow();
  });

  it('are thrown at every later check, and the first one is the reason', () => {
    const { device: gpu, report } = device();
    const failures = new Failures(gpu);
    failures.within('Linear', () => {});
    report(new GPUValidationError('it is too wide\n'));
    failures.within('Sum', () => {});
    report(new GPUValidationError('its input is invalid'));
    for (let time = 0; time < 2; time++) {
      expect(() => failures.check()).toThrow(DeviceError);
      expect(() => failures.check()).toThrow('the GPU failed: it is too wide (noticed at or after Linear)');
    }
    expect(failures.some).toBe(true);
  });

  it('of memory say what can be done', () => {
    const { device: gpu, report } = device();
    const failures = new Failures(gpu);
    report(new GPUOutOfMemoryError('no room'));
    expect(() => failures.check()).toThrow(/no room .*smaller passes, --micro-batch/);
  });

  it('are also that it is lost, whatever the reason', async () => {
    const { device: gpu, lose } = device();
    const failures = new Failures(gpu);
    lose({ reason: 'unknown', message: '' } as GPUDeviceLostInfo);
    await gpu.lost;
    expect(() => failures.check()).toThrow('the device was lost (unknown): no reason given');
  });

  it('name the operation that a thing was made for: its label', () => {
    const { device: gpu, labels } = device();
    const failures = new Failures(gpu);
    failures.within('Attention', () => {
      gpu.createBuffer({ size: 4, usage: 0 });
      failures.within('Softmax', () => gpu.createBuffer({ size: 4, usage: 0 }));
      gpu.createBuffer({ size: 4, usage: 0 });
    });
    expect(labels).toEqual(['Attention', 'Softmax', 'Attention']);
  });
});
