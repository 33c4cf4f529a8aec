/** What starts the shares of a sweep on a cluster: a job script of Slurm, or an indexed job of Kubernetes. */
import path from 'node:path';
import { GridError } from './grid.ts';

export interface ScriptOptions {
  readonly name: string;
  /** The command that trains a share, up to the share's number; each part is one word. */
  readonly words: readonly string[];
  /** Shares in all. */
  readonly tasks: number;
  /** Shares at once. */
  readonly atOnce: number;
  /** Runs of a share at once, which are its cores. */
  readonly jobs: number;
  /** The folder of the sweep. */
  readonly folder: string;
  /** Where the command is started. */
  readonly root: string;
}

/** A word as a shell reads it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Slurm's own bound of an array, where the administrator has set none. */
const MOST_IN_AN_ARRAY = 1001;

/**
 * Scripts for `sbatch`, one for each array: a cluster has a bound for the places of one (`MaxArraySize`). A task that is put back into the queue goes
 * on from its checkpoints.
 */
export function slurmScripts(
  { name, words, tasks, atOnce, jobs, folder, root }: ScriptOptions,
  most = MOST_IN_AN_ARRAY,
): string[] {
  const arrays = Math.ceil(tasks / most);
  return Array.from({ length: arrays }, (_, array) => {
    const first = array * most;
    const last = Math.min(tasks - first, most) - 1;
    return `#!/bin/bash
#SBATCH --job-name=${name}
#SBATCH --array=0-${last}%${atOnce}
#SBATCH --cpus-per-task=${jobs}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=${path.join(folder, 'logs', `${name}-%A-%a.txt`)}
# Share ${first} to ${first + last} of ${tasks}. Time and memory are this cluster's to say: --time, --mem, --partition.
set -euo pipefail
cd ${quoted(root)}
exec ${words.map(quoted).join(' ')} "$((${first} + SLURM_ARRAY_TASK_ID))/${tasks}"
`;
  });
}

/** Parts of Kubernetes names: RFC 1123. */
const nameInKubernetes = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 50);

/**
 * An indexed job. Its volume, `sweep`, is to be one that all pods can write.
 * @throws GridError where the name has nothing that a name there may have
 */
export function kubernetesJob(
  { name, words, tasks, atOnce, jobs, folder, root }: ScriptOptions,
  image: string,
): string {
  const job = nameInKubernetes(name);
  if (job === '') throw new GridError(`--print k8s: "${name}" has no letter that a name in Kubernetes may have`);
  const command = `exec ${words.map(quoted).join(' ')} "$JOB_COMPLETION_INDEX/${tasks}"`;
  return `apiVersion: batch/v1
kind: Job
metadata:
  name: ${job}
spec:
  completionMode: Indexed
  completions: ${tasks}
  parallelism: ${Math.min(atOnce, tasks)}
  backoffLimitPerIndex: 5
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: share
          image: ${JSON.stringify(image)}
          workingDir: ${JSON.stringify(root)}
          command: ["/bin/sh", "-c", ${JSON.stringify(command)}]
          resources:
            requests: { cpu: "${jobs}" }
          volumeMounts:
            - { name: sweep, mountPath: ${JSON.stringify(folder)} }
      volumes:
        - name: sweep
          persistentVolumeClaim: { claimName: ${job} }
`;
}
