/** The command `engine native`: builds the engine that npm could not install. */
import { type NativeOptions, nativeEngine } from '../tools/native.ts';
import { WHEELS } from '../tools/tensorflow.ts';
import { type Define, EXIT } from './exit.ts';

export const engineCommand: Define = (command, ending) =>
  command
    .command('native')
    .description(
      'Build the native engine (@tensorflow/tfjs-node) against LIBTENSORFLOW_DIR, or a TensorFlow from PyPI.',
    )
    .exitOverride()
    .option(
      '--tensorflow <version>',
      `which wheel: ${WHEELS.map(({ version }) => version).join(', ')}`,
      WHEELS[0].version,
    )
    .option('--rebuild', 'build it even if it already works', false)
    .option('--remove', 'undo it', false)
    .action(
      ending(async (options: NativeOptions) => {
        nativeEngine(options);
        return EXIT.reproduced;
      }),
    );
