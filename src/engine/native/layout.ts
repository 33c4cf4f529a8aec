/** How parameters lie in one flat tensor, one after the other. */
import { tf } from '../engine.ts';

/**
 * Numbers in a line. Every parameter begins at a line, and zeros fill its last one: TensorFlow copies a slice whose memory
 * is not aligned to 64 bytes.
 */
export const LINE = 16;

/** Where a parameter lies. */
export interface Place {
  readonly name: string;
  readonly shape: number[];
  readonly start: number;
  readonly size: number;
  /** Zeros after it. */
  readonly filling: number;
}

/** Parameters in one tensor `[rows * columns]`. A row is whole lines, about as many as there are rows. */
export class FlatLayout {
  readonly places: readonly Place[];
  readonly rows: number;
  readonly columns: number;

  constructor(parameters: ReadonlyMap<string, tf.Tensor>, names: readonly string[]) {
    const padded = (size: number) => LINE * Math.ceil(size / LINE);
    const shapes = names.map((name) => (parameters.get(name) as tf.Tensor).shape);
    const sizes = shapes.map((shape) => tf.util.sizeFromShape(shape));
    const lines = sizes.reduce((sum, size) => sum + padded(size) / LINE, 0);
    this.rows = Math.max(1, Math.ceil(Math.sqrt(lines)));
    this.columns = LINE * Math.max(1, Math.ceil(lines / this.rows));
    let end = 0;
    this.places = names.map((name, index) => {
      const [start, size, shape] = [end, sizes[index], shapes[index]];
      end = index === names.length - 1 ? this.size : start + padded(size);
      return { name, shape, start, size, filling: end - start - size };
    });
  }

  get size(): number {
    return this.rows * this.columns;
  }

  /** Lays tensors out. @param of gives each parameter's */
  flat(of: (name: string) => tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      if (this.places.length === 0) return tf.zeros([this.size]);
      return tf.concat(this.places.flatMap(({ name, filling }) => [tf.reshape(of(name), [-1]), tf.zeros([filling])]));
    });
  }
}
