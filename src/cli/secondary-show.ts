import { countStates, readStanding } from '../store/ledger/states.ts';
import { findSecondary, secondaryInJson } from '../store/secondaries.ts';
import { readNotifications } from '../store/status/notifications.ts';
import { STATES, inWords as standingInWords } from '../zone/convergence.ts';
import { withDatabase } from './database.ts';
import { counted, print, printJson, table } from './output.ts';
import { inWords, noSecondary } from './secondary-settings.ts';

const ALL = 1_000_000_000;

/** Prints a registration, and how each of its zones stands there. */
export async function show(name: string, options: { json?: boolean; limit?: number }): Promise<void> {
  const limit = options.limit ?? (options.json ? ALL : 50);
  const { secondary, notifications, counts, zones } = await withDatabase(async ({ pool }) => {
    const found = await findSecondary(pool, name);
    if (!found) throw noSecondary(name);
    const [notifications, counts, zones] = await Promise.all([
      options.json ? readNotifications(pool, found.id) : [],
      countStates(pool),
      readStanding(pool, { secondaryId: found.id, limit }),
    ]);
    return { secondary: found, notifications, counts: counts.get(found.id), zones };
  });
  if (options.json) {
    printJson({
      ...secondaryInJson(secondary),
      convergence: counts,
      zoneStates: zones.rows.map(({ secondary: _, ...row }) => row),
      notifications: notifications.map(({ secondary: _, ...row }) => row),
    });
    return;
  }
  print(`${secondary.name}: ${inWords(secondary)}`);
  const present = STATES.filter((state) => (counts?.[state] ?? 0) > 0);
  if (present.length > 0)
    print(
      `${counted(zones.total, 'zone')}: ${present.map((state) => `${counts?.[state]} ${state}`).join(', ')}`,
    );
  print('');
  print(
    table(
      ['zone', 'serial', 'shows', 'state', ''],
      zones.rows.map((row) => [row.zone, row.serial, row.shown, row.state, standingInWords(row, Date.now())]),
      'no zones yet that it may have',
    ),
  );
  const more = zones.total - zones.rows.length;
  if (more > 0) print(`… and ${more} more (--limit, --json)`);
}
