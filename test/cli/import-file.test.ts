import { expect, test } from 'vitest';
import { readText } from '../../src/cli/zone-import/file.ts';
import { UserError } from '../../src/errors.ts';

test('a file without end is not read to its end', async () => {
  const read = readText('/dev/zero', 1_000_000);
  await expect(read).rejects.toThrow(UserError);
  await expect(read).rejects.toThrow(
    '/dev/zero: takes 1000000 octets at most: a larger zone comes by --from-axfr',
  );
});

test('a folder and a file that is not there are told by their names', async () => {
  await expect(readText('/')).rejects.toThrow(/^\/ can't be read: EISDIR/);
  await expect(readText('/no/such.zone')).rejects.toThrow('/no/such.zone: no such file');
});
