import type { Imported } from '../../store/import.ts';
import { counted, print, printJson, warn } from '../output.ts';
import type { ImportReader } from './reader.ts';

/** Says what an import did, and what is to be known of it. */
export function report(imported: Imported, reader: ImportReader, json: boolean): void {
  const zone = reader.zone();
  const { noun } = reader.source;
  const warnings = warningsOf(imported, reader, zone);
  for (const text of warnings) warn(text);
  const { created, records, added, deleted, options, soaChanged } = imported;
  const changed = created || added + deleted + options > 0 || soaChanged;
  if (json) {
    printJson({ zone, created, changed, records, added, deleted, soaChanged, warnings });
    return;
  }
  if (created) print(`zone ${zone} made with ${counted(records, 'record')}, serial ${imported.serial}`);
  else if (!changed)
    print(`zone ${zone} is as ${noun} has it: ${counted(records, 'record')}, nothing changed`);
  else
    print(
      `zone ${zone} changed: ${counted(added, 'record')} added, ${deleted} deleted, ${records} in all${options > 0 ? `, options of ${options} ALIAS` : ''}${soaChanged ? ', the SOA too' : ''}`,
    );
}

function warningsOf(imported: Imported, reader: ImportReader, zone: string): string[] {
  const warnings: string[] = [];
  if (reader.leftOut.size > 0) {
    const counts = [...reader.leftOut].map(([type, count]) => `${count} ${type}`).join(', ');
    warnings.push(`left out, as replacing ALIAS would break them: ${counts}`);
  }
  const { noun } = reader.source;
  const theirs = reader.soa?.serial;
  if (imported.created && theirs === 0)
    warnings.push(`the serial 0 of ${noun} means none to some tools: 1 is taken`);
  else if (imported.fileSerial === 'older')
    warnings.push(
      imported.created
        ? `the serial ${theirs} of ${noun} is not past that of the deleted zone ${zone}: ${imported.serial} is taken`
        : `the serial ${theirs} of ${noun} is older than ours, ${imported.serial}, and is ignored`,
    );
  if (imported.fileSerial === 'incomparable')
    warnings.push(
      `the serial ${theirs} of ${noun} is neither older nor newer than ours, ${imported.serial} (RFC 1982), and is ignored`,
    );
  if (!reader.hasServer)
    warnings.push(
      `no NS record at ${zone}: secondaries would reject the zone, so it is not published until there is one`,
    );
  return warnings;
}
