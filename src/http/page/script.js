// The dashboard. It asks the API for what it shows, a page of zones at a time, and never for more than is on the screen.

import { ask, listen, token, Unauthorized } from './ask.js';
import { $, counted, make, moment, words } from './dom.js';
import { showJobs } from './jobs.js';
import { after, planNotify, planResync } from './plan.js';
import { showConvergence, showRefusals, showSecondaries } from './secondaries.js';
import { place, showZones } from './zones.js';

const EVERY = 2_000; // ms between two looks while a job is under way, or the service tells of no changes
const SELDOM = 10_000; // and while it does
const THEME = 'zoneferry-theme';
const ROWS = 15;
const MOST_FORCED = 1_000; // zones in one act

const state = { busy: false, again: false, live: false, working: false, pressed: false, at: 0 };

function tell(text) {
  $('message').textContent = text;
  $('message').hidden = text === '';
}

function showStatus(data, visible) {
  const { totals, queue, processes, problems, ahead, zones, secondaries } = data;
  const workers = processes.filter((one) => one.roles.includes('worker')).length;
  $('summary').replaceChildren(
    `${counted(totals.zones, 'zone')}, ${counted(totals.aliases, 'alias', 'aliases')}, ${counted(totals.secondaries, 'secondary', 'secondaries')}; `,
    totals.notConverged > 0
      ? words('wait', `${totals.notConverged.toLocaleString('en')} not converged; `)
      : '',
    queue.counts
      ? `${counted(queue.counts.waiting + queue.counts.active, 'job')} under way; `
      : words('bad', `the queue does not answer: ${queue.error}; `),
    workers > 0 ? counted(workers, 'worker') : words('bad', 'no worker is alive'),
  );
  const trouble = [
    ...zones.filter((zone) => zone.problem).map((zone) => `${zone.zone} ${zone.problem}`),
    ...problems.map((one) => `${one.name} ${one.type} is not served: ${one.problem}`),
    ...ahead.map(
      (one) =>
        `${one.secondary} has ${one.zone} at serial ${one.serial}, ours is ${one.ours}${one.command ? `: ${one.command}` : '; it is passed'}`,
    ),
    ...secondaries.filter((one) => one.lastError).map((one) => `${one.secondary}: ${one.lastError}`),
  ];
  $('trouble').hidden = trouble.length === 0;
  $('trouble-list').replaceChildren(...trouble.map((text) => make('li', {}, text)));
  showGuards(data.guards ?? []);
  showSecondaries(secondaries, visible);
  showConvergence(data.convergence ?? [], totals.notConverged ?? 0);
  showRefusals(data.refusals ?? []);
}

/** What waits for a person's word, with a button that shows the plan first. */
function showGuards(guards) {
  $('guards').hidden = guards.length === 0;
  const focused = document.activeElement?.dataset.guard;
  $('guard-list').replaceChildren(
    ...guards.map((one) =>
      make(
        'li',
        {},
        make('span', {}, one.message, ' Held since ', moment(one.since), '. '),
        make(
          'button',
          { type: 'button', 'data-guard': one.guard, onclick: () => forceGuard(one.guard).catch(failed) },
          'Publish all the same…',
        ),
      ),
    ),
  );
  if (focused) document.querySelector(`[data-guard="${focused}"]`)?.focus();
}

async function forceGuard(guard) {
  const { data } = await ask('GET', `/v1/guards/${guard}/zones?limit=${MOST_FORCED}`);
  await planResync(data, true);
}

// --- the token

function failed(error) {
  if (!(error instanceof Unauthorized)) {
    tell(error instanceof TypeError ? 'The service does not answer; trying again.' : error.message);
    return;
  }
  $('token-error').hidden = token.get() === null;
  token.forget();
  $('content').hidden = true;
  $('forget').hidden = true;
  $('summary').textContent = 'A token is needed.';
  if (!$('ask-token').open) $('ask-token').showModal();
  $('token').focus();
}

$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  token.set($('token').value);
  $('token').value = '';
  $('ask-token').close();
  refresh();
});
$('ask-token').addEventListener('cancel', (event) => event.preventDefault());
$('forget').addEventListener('click', () => {
  token.forget();
  location.reload();
});
$('queues').addEventListener('click', async (event) => {
  if (token.get() === null) return;
  // a link carries no token: the queue's page gets a cookie of its own first
  event.preventDefault();
  try {
    await ask('POST', '/v1/session', {});
    location.href = '/queues';
  } catch (error) {
    failed(error);
  }
});

// --- moving about

const doing = {
  open(name) {
    place.open = name;
    showZones(doing).catch(failed);
  },
  resync: (zones) => planResync(zones),
  notify: (zones) => planNotify(zones),
};

function turn(behind, before) {
  Object.assign(place, { after: behind, before, open: null });
  showZones(doing).catch(failed);
}

$('search').addEventListener('submit', (event) => {
  event.preventDefault();
  place.search = $('search-text').value.trim();
  turn('', []);
});
$('first').addEventListener('click', () => turn('', []));
$('back').addEventListener('click', () => turn(place.before.at(-1) ?? '', place.before.slice(0, -1)));
$('next').addEventListener('click', () => turn(place.next, [...place.before, place.after]));
$('resync-all').addEventListener('click', () => planResync([]));
$('notify-all').addEventListener('click', () => planNotify([]));
$('plan-cancel').addEventListener('click', () => $('plan').close());

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}
setTheme(localStorage.getItem(THEME));
$('theme').addEventListener('click', () => {
  const dark =
    (document.documentElement.dataset.theme ??
      (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  localStorage.setItem(THEME, dark ? 'light' : 'dark');
  setTheme(localStorage.getItem(THEME));
});

// --- looking

async function refresh() {
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  state.again = false;
  state.at = Date.now();
  try {
    const [status, visible] = await Promise.all([
      ask('GET', `/v1/status?limit=${ROWS}`),
      ask('GET', '/v1/status/visible?minutes=180&step=2'),
    ]);
    await released();
    showStatus(status.data, visible.data);
    [state.working] = await Promise.all([showJobs(), showZones(doing)]);
    $('content').hidden = false;
    $('forget').hidden = token.get() === null;
    tell('');
  } catch (error) {
    failed(error);
  } finally {
    state.busy = false;
    if (state.again) refresh();
  }
}

/** A button that is being pressed must not be replaced: its click would be lost. */
function released() {
  return new Promise((go) => {
    const look = () => (state.pressed ? setTimeout(look, 50) : go());
    look();
  });
}
document.addEventListener('pointerdown', () => {
  state.pressed = true;
});
for (const event of ['pointerup', 'pointercancel', 'blur'])
  window.addEventListener(event, () => {
    state.pressed = false;
  });

const isSeen = () => document.visibilityState === 'visible' && !$('ask-token').open;
after.done = () => refresh();
after.failed = failed;
setInterval(() => {
  const wait = state.live && !state.working ? SELDOM : EVERY;
  if (isSeen() && Date.now() - state.at >= wait - 100) refresh();
}, EVERY);
document.addEventListener('visibilitychange', () => isSeen() && refresh());
refresh();
listen(
  () => {
    // a burst of changes is two looks a second at most
    if (isSeen() && Date.now() - state.at >= 500) refresh();
    else state.at = Math.min(state.at, Date.now() - SELDOM + 500);
  },
  (live) => {
    state.live = live;
  },
);
