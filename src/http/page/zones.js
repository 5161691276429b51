// Zones: a page of the list, and what is in one that is opened.

import { ask } from './ask.js';
import { $, cells, counted, make, moment, words } from './dom.js';
import { stateWords } from './secondaries.js';

const PAGE = 50;
/** Where in the list we are, and which zone is open. */
export const place = { after: '', before: [], next: null, search: '', open: null };

function zoneState(zone) {
  if (zone.problem) return words('bad', zone.problem);
  if (zone.serial === null) return words('wait', 'not published yet');
  return words('good', 'published');
}

function zoneRow(zone, doing) {
  const open = place.open === zone.name;
  const button = (label, name, onclick, more) =>
    make(
      'button',
      { type: 'button', 'aria-label': `${name} ${zone.name}`, 'data-do': name, onclick, ...more },
      label,
    );
  return make(
    'tr',
    { 'data-zone': zone.name },
    make('th', { scope: 'row' }, zone.name),
    ...cells(zone.serial, zone.records.toLocaleString('en'), moment(zone.publishedAt), zoneState(zone)),
    make(
      'td',
      {},
      button('Aliases', 'Aliases of', () => doing.open(open ? null : zone.name), {
        'aria-expanded': String(open),
      }),
      button('Resync…', 'Resync', () => doing.resync([zone.name])),
      button('NOTIFY…', 'NOTIFY', () => doing.notify([zone.name])),
    ),
  );
}

const tableOf = (head, rows) =>
  make(
    'table',
    {},
    make('thead', {}, make('tr', {}, ...head.map((text) => make('th', { scope: 'col' }, text)))),
    make('tbody', {}, ...rows),
  );

/** The target of an ALIAS, and what it says beyond that. */
function withOptions({ target, answers, fallback, debugTxt }) {
  const options = [
    ...(answers ? [`${answers} answers`] : []),
    ...(fallback ? [`fallback ${fallback.join(' ')}`] : []),
    ...(debugTxt ? ['debug TXT'] : []),
  ];
  if (options.length === 0) return target;
  return make('span', {}, `${target} `, make('small', { class: 'quiet' }, options.join(', ')));
}

function aliasTable(aliases, total) {
  if (aliases.length === 0) return make('p', { class: 'quiet' }, 'This zone has no ALIAS.');
  const outcome = (text) => words(text === 'found' ? 'good' : text === 'failed' ? 'bad' : 'quiet', text);
  const rows = aliases.map((one) =>
    make(
      'tr',
      {},
      ...cells(
        one.name,
        withOptions(one),
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
    tableOf(['Name', 'Target', 'Published', 'Last look', 'A', 'AAAA', 'Held since'], rows),
    ...(total > aliases.length ? [make('p', { class: 'quiet' }, `${total - aliases.length} more`)] : []),
  );
}

/** How the zone's serials have come to each secondary: the newest, and those before. */
function servedTable({ secondaries, history }) {
  if (secondaries.length === 0) return make('p', { class: 'quiet' }, 'No secondary may have this zone.');
  const now = secondaries.map((one) =>
    make('tr', {}, ...cells(one.secondary, one.serial, stateWords(one.state), one.words)),
  );
  const before = history
    .slice(0, 10)
    .map((one) =>
      make(
        'tr',
        { class: 'quiet' },
        ...cells(
          one.secondary,
          one.serial,
          'served',
          make(
            'span',
            {},
            'seen ',
            moment(one.servingAt),
            one.served ? `, by ${one.served.kind}, ${one.served.bytes} bytes` : '',
          ),
        ),
      ),
    );
  return tableOf(['Secondary', 'Serial', 'State', ''], [...now, ...before]);
}

async function inside(zone) {
  const path = `/v1/zones/${encodeURIComponent(zone)}`;
  const [aliases, served] = await Promise.all([
    ask('GET', `${path}/aliases?limit=100`),
    ask('GET', `${path}/convergence?limit=20`),
  ]);
  return make('div', {}, aliasTable(aliases.data, aliases.total), servedTable(served.data));
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

/** Shows the page of the list that we are at. `doing`: what the buttons of a row do. */
export async function showZones(doing) {
  const query = new URLSearchParams({ limit: String(PAGE), after: place.after, search: place.search });
  const { data, next, total } = await ask('GET', `/v1/zones?${query}`);
  const rows = [];
  for (const zone of data) {
    rows.push(zoneRow(zone, doing));
    if (place.open === zone.name)
      rows.push(make('tr', {}, make('td', { colspan: '6' }, await inside(zone.name))));
  }
  place.next = next;
  replaceRows($('zone-rows'), rows);
  $('no-zones').hidden = total > 0 || place.search !== '';
  $('zone-count').textContent = place.search ? `${counted(total, 'zone')} found` : counted(total, 'zone');
  $('first').disabled = $('back').disabled = place.before.length === 0;
  $('next').disabled = next === null;
}
