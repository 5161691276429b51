// Doing something, after a look at what it would do.

import { ask, Unauthorized } from './ask.js';
import { $, counted, make, words } from './dom.js';

/** What happens after an act, and with an error. */
export const after = { done: () => {}, failed: () => {} };

async function planned(title, word, makePlan, act) {
  const dialog = $('plan');
  $('plan-title').textContent = title;
  $('plan-text').replaceChildren('Looking…');
  $('plan-do').textContent = word;
  $('plan-do').disabled = true;
  $('plan-do').onclick = async () => {
    $('plan-do').disabled = true;
    try {
      await act();
      dialog.close();
      after.done();
    } catch (error) {
      after.failed(error);
      $('plan-text').replaceChildren(words('bad', error.message));
    }
  };
  dialog.showModal();
  try {
    $('plan-text').replaceChildren(...(await makePlan()));
    $('plan-do').disabled = false;
  } catch (error) {
    $('plan-text').replaceChildren(words('bad', error.message));
    if (error instanceof Unauthorized) {
      dialog.close();
      after.failed(error);
    }
  }
}

const nameOf = (zones) =>
  zones.length === 0 ? 'all zones' : zones.length > 3 ? counted(zones.length, 'zone') : zones.join(', ');

/** What a resync of these zones would change; `force` passes guards and holds. */
export function planResync(zones, force = false) {
  return planned(
    `${force ? 'Publish all the same in' : 'Resync'} ${nameOf(zones)}`,
    force ? 'Publish' : 'Resync',
    async () => {
      const { data } = await ask('POST', '/v1/resyncs/plan', { zones, force });
      const lines = data.zones.flatMap((zone) => [
        zone.zone,
        ...zone.deleted.map((one) => `  - ${one.name} ${one.ttl} ${one.type} ${one.content}`),
        ...zone.added.map((one) => `  + ${one.name} ${one.ttl} ${one.type} ${one.content}`),
      ]);
      return [
        make(
          'p',
          {},
          `${counted(data.targets, 'target')}: ${data.resolved} resolved, ${data.failed} failed, ${data.held} held.`,
        ),
        ...(data.guards ?? []).map((guard) => make('p', {}, words('wait', guard.message ?? String(guard)))),
        lines.length > 0
          ? make('pre', {}, lines.slice(0, 500).join('\n'))
          : make('p', {}, 'Nothing would change.'),
      ];
    },
    () => ask('POST', '/v1/resyncs', { zones, reason: 'dashboard', ...(force ? { force } : {}) }),
  );
}

/** How many NOTIFYs of these zones would be sent again. */
export function planNotify(zones) {
  return planned(
    `NOTIFY ${nameOf(zones)}`,
    'Send',
    async () => {
      const { data } = await ask('POST', '/v1/notifications', { zones, dryRun: true });
      return [
        make(
          'p',
          {},
          `${data.notifications} NOTIFY of ${counted(data.zones, 'zone')} would be sent again, without a change.`,
        ),
      ];
    },
    () => ask('POST', '/v1/notifications', { zones }),
  );
}
