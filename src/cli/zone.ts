import type { Command } from 'commander';
import { serialPolicy, server, usual, wholeNumber, zoneName } from './arguments.ts';

/** Seconds that fit the columns of `zones`. */
const PERIOD = [1, 2_147_483_647] as const;

export function define(program: Command): void {
  const zone = program.command('zone').description('import, add, change, show and export zones');
  usual(
    zone
      .command('import')
      .description(
        'take a whole zone from a master file, which may hold ALIAS or ANAME, or from another primary; "-" reads standard input',
      )
      .argument('<file>', "a master file (RFC 1035); with --from-axfr the zone's name")
      .option(
        '--from-axfr <server>',
        'a primary that has the zone: IP, IP:PORT, [IP6]:PORT or IP@PORT',
        server,
      )
      .option('--key <key>', 'signs that AXFR: a key of ours by its name, or [ALGORITHM:]NAME:BASE64')
      .option('--origin <name>', "the zone's name, where the file itself does not say it", zoneName)
      .action(async (file, options) => (await import('./zone-import.ts')).importFile(file, options)),
    'zoneferry zone import example.com.zone',
    'zoneferry zone import db.example --origin example.com',
    'zoneferry zone import example.com --from-axfr 192.0.2.1 --key transfer-key',
  );
  usual(
    settings(
      zone
        .command('add')
        .description('make a zone, and the NS record of its primary')
        .argument('<name>', 'the zone', zoneName),
      'requiredOption',
    ).action(async (name, options) => (await import('./zone-edit.ts')).add(name, options)),
    'zoneferry zone add example.com --primary ns1.example.net --contact hostmaster@example.com',
  );
  usual(
    settings(
      zone
        .command('set')
        .description('change the SOA or the serial policy; what is not given stays')
        .argument('<name>', 'the zone', zoneName),
      'option',
    ).action(async (name, options) => (await import('./zone-edit.ts')).set(name, options)),
    'zoneferry zone set example.com --refresh 600 --serial-policy date',
  );
  usual(
    zone
      .command('list')
      .description('list the zones')
      .action(async (options) => (await import('./zone-show.ts')).list(options)),
    'zoneferry zone list',
  );
  usual(
    zone
      .command('show')
      .description("show a zone's settings and state")
      .argument('<name>', 'the zone', zoneName)
      .action(async (name, options) => (await import('./zone-show.ts')).show(name, options)),
    'zoneferry zone show example.com',
  );
  usual(
    zone
      .command('serial')
      .description(
        'walk the serial past that of a secondary ahead of us, in two steps where RFC 1982 knows no order',
      )
      .argument('<name>', 'the zone', zoneName)
      .requiredOption('--after <serial>', 'the serial to go past', wholeNumber(0, 4_294_967_295))
      .option(
        '--wait <seconds>',
        'how long to wait for the secondaries to answer the first of two steps',
        wholeNumber(0, 86_400),
        60,
      )
      .option('--force', 'take the second step whoever has not answered the first')
      .action(async (name, options) => (await import('./zone-serial.ts')).walk(name, options)),
    'zoneferry zone serial example.com --after 3000000000',
  );
  usual(
    zone
      .command('history')
      .description('list the versions of a zone, newest first, each with who or what made it')
      .argument('<name>', 'the zone', zoneName)
      .option('--limit <number>', 'versions at most', wholeNumber(1, 1_000_000), 20)
      .action(async (name, options) => (await import('./zone-history.ts')).history(name, options)),
    'zoneferry zone history example.com --limit 5',
  );
  usual(
    zone
      .command('diff')
      .description('show what changed from one version to another, the published one where TO is left out')
      .argument('<name>', 'the zone', zoneName)
      .argument('<from>', 'a serial', wholeNumber(0, 4_294_967_295))
      .argument('[to]', 'another serial', wholeNumber(0, 4_294_967_295))
      .action(async (name, from, to, options) =>
        (await import('./zone-history.ts')).diff(name, from, to, options),
      ),
    'zoneferry zone diff example.com 2026010101 2026010105',
  );
  usual(
    zone
      .command('rollback')
      .description('publish the source of an earlier version again, ALIAS as ALIAS, under a new serial')
      .argument('<name>', 'the zone', zoneName)
      .requiredOption('--to <serial>', 'the serial that it had', wholeNumber(0, 4_294_967_295))
      .option('--dry-run', 'show what would change, and change nothing')
      .action(async (name, options) => (await import('./zone-rollback.ts')).rollback(name, options)),
    'zoneferry zone rollback example.com --to 2026010101 --dry-run',
  );
  usual(
    zone
      .command('delete')
      .description('delete a zone with its records and its history; its last serial is remembered')
      .argument('<name>', 'the zone', zoneName)
      .action(async (name, options) => (await import('./zone-edit.ts')).remove(name, options)),
    'zoneferry zone delete example.com',
  );
  usual(
    zone
      .command('export')
      .description('print what secondaries get, as a master file')
      .argument('<name>', 'the zone', zoneName)
      .option('--source', 'print what was written here instead, ALIAS among it')
      .action(async (name, options) => (await import('./zone-export.ts')).exportZone(name, options)),
    'zoneferry zone export example.com',
    'zoneferry zone export example.com --source > example.com.zone',
  );
}

/** The options of `add` and `set`; for `add`, primary and contact are required. */
function settings(command: Command, needed: 'requiredOption' | 'option'): Command {
  command[needed]('--primary <name>', 'the primary name server of the SOA');
  command[needed](
    '--contact <mail>',
    'mail address of the SOA, as hostmaster@example.com or hostmaster.example.com.',
  );
  for (const [flag, what] of [
    ['--refresh', 'how often secondaries look by themselves'],
    ['--retry', 'how soon they look again after a failure'],
    ['--expire', 'how long they serve the zone without having reached us'],
  ] as const)
    command.option(`${flag} <seconds>`, `${what}, in seconds`, wholeNumber(...PERIOD));
  return command
    .option(
      '--minimum <seconds>',
      'how long resolvers keep "no such name", in seconds',
      wholeNumber(0, PERIOD[1]),
    )
    .option('--soa-ttl <seconds>', 'TTL of the SOA itself, in seconds', wholeNumber(0, PERIOD[1]))
    .option('--serial <number>', 'the next serial, newer than the present one', wholeNumber(1, 4_294_967_295))
    .option(
      '--serial-policy <policy>',
      'increment, date or unixtime; "default" for that of SERIAL_POLICY',
      (text) => (text === 'default' ? text : serialPolicy(text)),
    )
    .option(
      '--alias-floor <seconds>',
      'the least time between two serials that answers of ALIAS targets alone spend; edits never wait',
      wholeNumber(0, 86_400),
    );
}
