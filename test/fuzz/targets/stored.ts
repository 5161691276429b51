import { Condenser } from '../../../src/zone/condense.ts';
import { packRecords, unpackRecords } from '../../../src/zone/version.ts';
import { holds, type Target, unless } from './target.ts';

/** The first octet says where what goes ends, and what comes begins. */
export const journal: Target = {
  about:
    'the packed records of a version in the journal, that others with a way to the table may have written',
  dictionary: [
    Buffer.from('016100000100010000003c0004c0000201', 'hex'),
    Buffer.from('00000600010000003c0000', 'hex'),
    Buffer.from('3f', 'hex'),
    Buffer.from('ffff', 'hex'),
  ],
  run: (input) => {
    const cut = 1 + (input[0] ?? 0);
    const step = (fromSerial: number, deleted: Buffer, added: Buffer) => ({
      ...{ fromSerial, toSerial: fromSerial + 1, oldSoa: input, newSoa: input, oldSoaTtl: 0, newSoaTtl: 0 },
      ...{ deleted, added },
    });
    const [deleted, added] = [input.subarray(1, cut), input.subarray(cut)];
    const records = unless([RangeError], () => [unpackRecords(deleted), unpackRecords(added)] as const);
    const condenser = new Condenser();
    const there = unless([RangeError], () => {
      condenser.add(step(1, deleted, added));
      return true;
    });
    holds((records === undefined) === (there === undefined), () => 'cut short for one reader alone');
    if (records === undefined || there === undefined) return;
    for (const one of records)
      unpackRecords(packRecords(one)).forEach((record, index) => {
        holds(
          record.rdata.equals(one[index]!.rdata) && record.name.equals(one[index]!.name),
          () => 'another record',
        );
      });
    // there and back again is nothing
    condenser.add(step(2, added, deleted));
    const { deleted: gone, added: came } = condenser.finish();
    const keys = (packed: Buffer) =>
      new Set(unpackRecords(packed).map((record) => packRecords([record]).toString('hex')));
    holds(
      [...keys(gone)].every((key) => !keys(came).has(key)),
      () => 'one record goes and comes',
    );
  },
};
