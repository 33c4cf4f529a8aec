/** The command `fetch`: downloads a model that runs may start from. */
import { type DownloadProgress, fetchModel, parseModelId, repositoryFolder } from '../model/hub.ts';
import { readConfig } from '../model/pretrained.ts';
import { storing } from '../records/storing.ts';
import { type Define, EXIT, interruptible } from './exit.ts';
import { UsageError } from './options.ts';

async function fetch(text: string): Promise<number> {
  const model = parseModelId(text);
  if (model === null) throw new UsageError(`fetch: "${text}" must be ID or ID@REVISION, as in EleutherAI/pythia-160m`);
  const err = process.stderr;
  let shown = '';
  const onProgress = ({ file, received, size }: DownloadProgress) => {
    const line = `${file}: ${Math.floor((100 * received) / size)}% of ${(size / 2 ** 20).toFixed(1)} MiB`;
    if (line === shown) return;
    shown = line;
    if (err.isTTY) err.write(`\r${line}${received === size ? '\n' : ''}`);
    else if (received === size) err.write(`${line}\n`);
  };
  const kept = 'What has arrived is kept: the same command goes on from there.';
  const folder = await interruptible(kept, () =>
    storing(repositoryFolder(model), () => fetchModel(model, { onProgress }), kept),
  );
  const shape = readConfig(folder);
  process.stdout.write(`${text}: ${shape.layers} layers, ${shape.hidden} wide, in ${folder}\n`);
  return EXIT.reproduced;
}

export const fetchCommand: Define = (command, ending) =>
  command
    .addHelpText(
      'after',
      '\nHF_ENDPOINT, HF_TOKEN and HF_HOME are respected. An interrupted download goes on where it stopped.',
    )
    .action(ending(fetch));
