// The dashboard. It asks the API for what it shows, a page of zones at a time, and never for more than is on the screen.

const EVERY = 2_000; // ms between two looks while the page is seen
const PAGE = 50;
const TOKEN = 'zoneferry-token';
const THEME = 'zoneferry-theme';

const $ = (id) => document.getElementById(id);
const state = { after: '', before: [], next: null, search: '', open: null, busy: false };

/** An element with text or further elements inside; text is never read as HTML. */
function make(name, attributes, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key === 'onclick') element.addEventListener('click', value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...inside.map((part) => (part instanceof Node ? part : String(part ?? '–'))));
  return element;
}

const cells = (...values) => values.map((value) => make('td', {}, value));
const words = (kind, text) => make('span', { class: kind }, text);
const counted = (number, one, many = `${one}s`) =>
  `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

function moment(text) {
  if (!text) return '–';
  const seconds = Math.max(0, Math.round((Date.now() - new Date(text)) / 1000));
  const ago =
    seconds < 90
      ? `${seconds} s`
      : seconds < 5400
        ? `${Math.round(seconds / 60)} min`
        : `${Math.round(seconds / 3600)} h`;
  return make(
    'time',
    { datetime: text, title: text },
    seconds < 172_800 ? `${ago} ago` : text.slice(0, 16).replace('T', ' '),
  );
}

// --- asking

class Unauthorized extends Error {}

async function ask(method, path, body) {
  const token = sessionStorage.getItem(TOKEN);
  const response = await fetch(path, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (response.status === 401) throw new Unauthorized();
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? `the service answered ${response.status}`);
  return answer;
}

function tell(text) {
  $('message').textContent = text;
  $('message').hidden = text === '';
}

// --- showing

function showStatus({ totals, queue, processes, problems, ahead, zones, secondaries }) {
  const workers = processes.filter((one) => one.roles.includes('worker')).length;
  $('summary').replaceChildren(
    `${counted(totals.zones, 'zone')}, ${counted(totals.aliases, 'alias', 'aliases')}, ${counted(totals.secondaries, 'secondary', 'secondaries')}; `,
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
  $('no-secondaries').hidden = secondaries.length > 0;
  $('secondary-rows').replaceChildren(
    ...secondaries.map((one) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, one.secondary),
        ...cells(
          one.addresses.join(', '),
          one.notify
            ? words(one.pending > 0 ? 'wait' : 'good', `${one.acked} of ${one.notifications}`)
            : words('quiet', 'no NOTIFY'),
          one.newest
            ? words(
                one.newest.ackedSerial === one.newest.serial ? 'good' : 'wait',
                `${one.newest.zone} ${one.newest.serial}${one.newest.ackedSerial === one.newest.serial ? '' : `, answered ${one.newest.ackedSerial ?? 'none'}`}`,
              )
            : '–',
          moment(one.lastAckedAt),
          one.lastError ? words('bad', one.lastError) : '–',
        ),
      ),
    ),
  );
}

function zoneState(zone) {
  if (zone.problem) return words('bad', zone.problem);
  if (zone.serial === null) return words('wait', 'not published yet');
  return words('good', 'published');
}

function zoneRow(zone) {
  const open = state.open === zone.name;
  const button = (label, name, onclick, more) =>
    make(
      'button',
      { type: 'button', 'aria-label': `${name} ${zone.name}`, 'data-do': name, onclick, ...more },
      label,
    );
  const row = make(
    'tr',
    { 'data-zone': zone.name },
    make('th', { scope: 'row' }, zone.name),
    ...cells(zone.serial, zone.records.toLocaleString('en'), moment(zone.publishedAt), zoneState(zone)),
    make(
      'td',
      {},
      button('Aliases', 'Aliases of', () => openZone(open ? null : zone.name), {
        'aria-expanded': String(open),
      }),
      button('Resync…', 'Resync', () => planResync([zone.name])),
      button('NOTIFY…', 'NOTIFY', () => planNotify([zone.name])),
    ),
  );
  return row;
}

function aliasTable(aliases, total) {
  if (aliases.length === 0) return make('p', { class: 'quiet' }, 'This zone has no ALIAS.');
  const head = ['Name', 'Target', 'Published', 'Last look', 'A', 'AAAA', 'Held since'];
  const outcome = (text) => words(text === 'found' ? 'good' : text === 'failed' ? 'bad' : 'quiet', text);
  const rows = aliases.map((one) =>
    make(
      'tr',
      {},
      ...cells(
        one.name,
        one.target,
        one.published.join(' ') || 'nothing',
        moment(one.lookedAt),
        outcome(one.outcome.a),
        outcome(one.outcome.aaaa),
        one.heldSince
          ? make('span', { class: 'wait', title: one.heldReason ?? '' }, moment(one.heldSince))
          : '–',
      ),
    ),
  );
  return make(
    'div',
    {},
    make(
      'table',
      {},
      make('thead', {}, make('tr', {}, ...head.map((text) => make('th', { scope: 'col' }, text)))),
      make('tbody', {}, ...rows),
    ),
    ...(total > aliases.length ? [make('p', { class: 'quiet' }, `${total - aliases.length} more`)] : []),
  );
}

/** Replaces rows without taking the focus from who works with the keyboard. */
function replaceRows(body, rows) {
  const focused = document.activeElement;
  const zone = body.contains(focused) ? focused.closest('tr')?.dataset.zone : undefined;
  const what = focused?.dataset.do;
  body.replaceChildren(...rows);
  if (zone === undefined) return;
  const row = [...body.children].find((one) => one.dataset.zone === zone);
  row?.querySelector(`[data-do="${what}"]`)?.focus();
}

async function showZones() {
  const query = new URLSearchParams({ limit: String(PAGE), after: state.after, search: state.search });
  const { data, next, total } = await ask('GET', `/v1/zones?${query}`);
  const rows = [];
  for (const zone of data) {
    rows.push(zoneRow(zone));
    if (state.open !== zone.name) continue;
    const aliases = await ask('GET', `/v1/zones/${encodeURIComponent(zone.name)}/aliases?limit=100`);
    rows.push(make('tr', {}, make('td', { colspan: '6' }, aliasTable(aliases.data, aliases.total))));
  }
  state.next = next;
  replaceRows($('zone-rows'), rows);
  $('no-zones').hidden = total > 0 || state.search !== '';
  $('zone-count').textContent = state.search ? `${counted(total, 'zone')} found` : counted(total, 'zone');
  $('first').disabled = $('back').disabled = state.before.length === 0;
  $('next').disabled = next === null;
}

function whatOf({ zones, due, force, reason }) {
  const what = zones?.length ? zones.join(', ') : due ? 'targets that are due' : 'all zones';
  return `${what}${force ? ', forced' : ''}${reason ? ` (${reason})` : ''}`;
}

async function showJobs() {
  const { data } = await ask('GET', '/v1/jobs?limit=10');
  $('no-jobs').hidden = data.length > 0;
  const kinds = { completed: 'good', failed: 'bad' };
  $('job-rows').replaceChildren(
    ...data.slice(0, 15).map((job) => {
      const { phase, done, total } = job.progress ?? {};
      const progress =
        job.state === 'active' && phase
          ? make(
              'span',
              {},
              make('progress', { max: String(total || 1), value: String(done ?? 0) }),
              ` ${phase} ${done}/${total}`,
            )
          : '–';
      const result = job.result
        ? `${counted(job.result.targets, 'target')}, ${counted(job.result.changedRecords, 'record')} changed, ${job.result.ms} ms`
        : (job.failedReason ?? '–');
      return make(
        'tr',
        {},
        make('th', { scope: 'row' }, job.id),
        ...cells(
          words(kinds[job.state] ?? 'wait', job.state),
          moment(job.addedAt),
          whatOf(job.data ?? {}),
          progress,
          result,
        ),
      );
    }),
  );
}

// --- doing, after a look at what it would do

async function planned(title, word, makePlan, act) {
  const dialog = $('plan');
  $('plan-title').textContent = title;
  $('plan-text').replaceChildren('Looking…');
  $('plan-do').textContent = word;
  $('plan-do').disabled = true;
  $('plan-do').onclick = async () => {
    $('plan-do').disabled = true;
    try {
      tell('');
      await act();
      dialog.close();
      refresh();
    } catch (error) {
      failed(error);
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
      failed(error);
    }
  }
}

const nameOf = (zones) => (zones.length === 0 ? 'all zones' : zones.join(', '));

function planResync(zones) {
  return planned(
    `Resync ${nameOf(zones)}`,
    'Resync',
    async () => {
      const { data } = await ask('POST', '/v1/resyncs/plan', { zones });
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
        lines.length > 0
          ? make('pre', {}, lines.slice(0, 500).join('\n'))
          : make('p', {}, 'Nothing would change.'),
      ];
    },
    () => ask('POST', '/v1/resyncs', { zones, reason: 'dashboard' }),
  );
}

function planNotify(zones) {
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

// --- the token

function failed(error) {
  if (!(error instanceof Unauthorized)) {
    tell(error instanceof TypeError ? 'The service does not answer; trying again.' : error.message);
    return;
  }
  $('token-error').hidden = sessionStorage.getItem(TOKEN) === null;
  sessionStorage.removeItem(TOKEN);
  $('content').hidden = true;
  $('forget').hidden = true;
  $('summary').textContent = 'A token is needed.';
  if (!$('ask-token').open) $('ask-token').showModal();
  $('token').focus();
}

$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, $('token').value);
  $('token').value = '';
  $('ask-token').close();
  refresh();
});
$('ask-token').addEventListener('cancel', (event) => event.preventDefault());
$('forget').addEventListener('click', () => {
  sessionStorage.removeItem(TOKEN);
  location.reload();
});
$('queues').addEventListener('click', async (event) => {
  if (sessionStorage.getItem(TOKEN) === null) return;
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

function openZone(name) {
  state.open = name;
  showZones().catch(failed);
}

function turn(after, before) {
  Object.assign(state, { after, before, open: null });
  showZones().catch(failed);
}

$('search').addEventListener('submit', (event) => {
  event.preventDefault();
  state.search = $('search-text').value.trim();
  turn('', []);
});
$('first').addEventListener('click', () => turn('', []));
$('back').addEventListener('click', () => turn(state.before.at(-1) ?? '', state.before.slice(0, -1)));
$('next').addEventListener('click', () => turn(state.next, [...state.before, state.after]));
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

async function refresh() {
  if (state.busy) return;
  state.busy = true;
  try {
    const { data } = await ask('GET', '/v1/status?limit=15');
    showStatus(data);
    await Promise.all([showZones(), showJobs()]);
    $('content').hidden = false;
    $('forget').hidden = sessionStorage.getItem(TOKEN) === null;
    tell('');
  } catch (error) {
    failed(error);
  } finally {
    state.busy = false;
  }
}

setInterval(() => {
  if (document.visibilityState === 'visible' && !$('ask-token').open) refresh();
}, EVERY);
refresh();
