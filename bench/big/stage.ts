import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type SmallZones, smallZones, writeZones } from '../small/zones.ts';
import { Client } from './measure.ts';
import { BIG, writeBig } from './zone.ts';

/** What every run on the large zone has: its folder, the client, and the zones as files. */
export interface Stage {
  folder: string;
  client: Client;
  runs: number;
  records: number;
  small: SmallZones;
  files: (readonly [name: string, file: string])[];
  /** The servers asked for; undefined: all that are installed. */
  peers: readonly string[] | undefined;
}

/** Reads the options, prepares the files, and removes everything when `measure` is done. */
export async function onStage(
  defaults: { small: number },
  measure: (stage: Stage) => Promise<void>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '1000000' },
      small: { type: 'string', default: String(defaults.small) },
      runs: { type: 'string', default: '5' },
      peers: { type: 'string' },
    },
  });
  const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-big-'));
  await chmod(folder, 0o711);
  try {
    const small = smallZones(Number(values.small));
    const records = Number(values.records);
    await writeZones(small, folder);
    await writeBig(records - 1, join(folder, 'zones', `${BIG}zone`));
    await measure({
      folder,
      client: await Client.compile(folder),
      runs: Number(values.runs),
      records,
      small,
      // the large one last: who answers it has loaded all
      files: [...small.names, BIG].map((name) => [name, join(folder, 'zones', `${name}zone`)] as const),
      peers: values.peers?.split(',').filter((name) => name !== ''),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Says on standard error where we are, as a run takes minutes. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
