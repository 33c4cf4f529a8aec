/**
 * What went wrong on a GPU. A GPU works behind the program's back: a call that it refuses leaves zeros and goes on. So
 * faults are collected as they are reported, and thrown at the next read.
 */
import { EngineError } from '../names.ts';

/** The GPU refused an operation, or is gone: what was computed since is worth nothing. */
export class DeviceError extends EngineError {
  override name = 'DeviceError';
}

/** What is used of a device to watch it. */
type Watched = Pick<GPUDevice, 'addEventListener' | 'lost'>;

/** Methods that make what a GPU may refuse; what they make bears the name of the operation that it is for. */
const MAKERS = ['createBindGroup', 'createBuffer', 'createComputePipeline', 'createShaderModule'] as const;

const MEMORY = ' (its memory is too small: take a step in smaller passes, --micro-batch, or a smaller model)';

/** The faults of one device. */
export class Failures {
  #operation = 'the start';
  /** The last that anything was asked for: faults may be reported later. */
  #latest = this.#operation;
  #first: string | null = null;

  constructor(device: Watched & Partial<GPUDevice>) {
    device.addEventListener('uncapturederror', (event) => {
      (event as Event).preventDefault?.(); // a browser would print it as well
      const outOfMemory = event.error.constructor.name === 'GPUOutOfMemoryError';
      this.report(`${event.error.message.trim()}${outOfMemory ? MEMORY : ''}`);
    });
    void device.lost.then(({ reason, message }) =>
      this.report(`the device was lost (${reason}): ${message || 'no reason given'}`),
    );
    for (const name of MAKERS) {
      const make = device[name]?.bind(device) as ((descriptor: object) => object) | undefined;
      if (make === undefined) continue;
      const labelled = (descriptor: object) => make({ ...descriptor, label: this.#operation });
      Object.defineProperty(device, name, { value: labelled });
    }
  }

  /** The operation that is being given to the device now. */
  get operation(): string {
    return this.#operation;
  }

  /** Gives the device what an operation asks of it. */
  within<Result>(operation: string, give: () => Result): Result {
    const outer = this.#operation;
    this.#operation = operation;
    this.#latest = operation;
    try {
      return give();
    } finally {
      this.#operation = outer;
    }
  }

  /** The first fault is the cause; those after it follow from it. */
  report(message: string): void {
    this.#first ??= `${message.trim()} (noticed at or after ${this.#latest})`;
  }

  /** Whether there was a fault: the device is of no use any more. */
  get some(): boolean {
    return this.#first !== null;
  }

  /** @throws DeviceError if there was a fault */
  check(): void {
    if (this.#first !== null) throw new DeviceError(`the GPU failed: ${this.#first}`);
  }
}
