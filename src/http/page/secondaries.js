// Secondaries: how their zones stand, what is not converged, who was refused, and how long changes took.

import { $, cells, counted, draw, make, moment, period, words } from './dom.js';

/** The worst first, with how it is to look. */
const LOOKS = {
  ahead: 'bad',
  different: 'bad',
  refusing: 'bad',
  silent: 'bad',
  lagging: 'wait',
  converging: 'wait',
  converged: 'good',
  'not checked': 'quiet',
};

export const stateWords = (state) => words(LOOKS[state] ?? 'quiet', state);

function states(convergence) {
  const present = Object.keys(LOOKS).filter((state) => (convergence?.[state] ?? 0) > 0);
  if (present.length === 0) return '–';
  return make(
    'span',
    {},
    ...present.flatMap((state, index) => [
      ...(index > 0 ? [', '] : []),
      words(LOOKS[state], `${convergence[state].toLocaleString('en')} ${state}`),
    ]),
  );
}

/** The table of secondaries; `visible`: points of the plot. */
export function showSecondaries(secondaries, visible) {
  $('no-secondaries').hidden = secondaries.length > 0;
  $('secondary-rows').replaceChildren(
    ...secondaries.map((one) => {
      const points = visible.filter((point) => point.secondary === one.secondary);
      const last = points.at(-1);
      return make(
        'tr',
        { 'data-secondary': one.secondary },
        make('th', { scope: 'row' }, one.secondary),
        ...cells(
          one.addresses.join(', '),
          states(one.convergence),
          one.newest
            ? words(
                one.newest.ackedSerial === one.newest.serial ? 'good' : 'wait',
                `${one.newest.zone} ${one.newest.serial}${one.newest.ackedSerial === one.newest.serial ? '' : `, answered ${one.newest.ackedSerial ?? 'none'}`}`,
              )
            : '–',
          last
            ? make('span', {}, plot(one.secondary, points), ` ${period(last.p50)}, p99 ${period(last.p99)}`)
            : '–',
          one.notify ? moment(one.lastAckedAt) : words('quiet', 'no NOTIFY'),
          one.lastError ? words('bad', one.lastError) : '–',
        ),
      );
    }),
  );
}

const WIDTH = 160;
const HEIGHT = 28;
const SPAN = 3 * 3600 * 1000; // ms
/** The scale is logarithmic, from a millisecond to a quarter of an hour. */
const MOST = Math.log10(900_000);

/** Change to visible over the last three hours: the line is the median, the bars reach to p99. */
function plot(name, points) {
  const end = Date.now();
  const x = (at) => (WIDTH * (new Date(at).getTime() - (end - SPAN))) / SPAN;
  const y = (ms) => HEIGHT - 1 - ((HEIGHT - 2) * Math.min(Math.log10(Math.max(ms, 1)), MOST)) / MOST;
  const shown = points.filter((point) => x(point.at) >= 0);
  const line = shown.map((point) => `${x(point.at).toFixed(1)},${y(point.p50).toFixed(1)}`).join(' ');
  const worst = Math.max(...points.map((point) => point.max));
  return draw(
    'svg',
    {
      class: 'plot',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      width: WIDTH,
      height: HEIGHT,
      role: 'img',
      'aria-label': `Change to visible at ${name} over three hours, the slowest ${period(worst)}`,
    },
    ...shown.map((point) =>
      draw('line', { x1: x(point.at), x2: x(point.at), y1: y(point.p50), y2: y(point.p99) }),
    ),
    draw('polyline', { points: line }),
    // one point alone makes no line
    ...(shown.length === 1 ? [draw('circle', { cx: x(shown[0].at), cy: y(shown[0].p50), r: 1.5 })] : []),
  );
}

/** What is not converged, the worst first. */
export function showConvergence(rows, total) {
  $('convergence').hidden = rows.length === 0;
  $('convergence-count').textContent =
    total > rows.length
      ? `${rows.length} of ${counted(total, 'zone and secondary', 'zones and secondaries')}`
      : '';
  $('convergence-rows').replaceChildren(
    ...rows.map((row) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, row.zone),
        ...cells(row.secondary, row.serial, row.shown, stateWords(row.state), row.words),
      ),
    ),
  );
}

/** Who was refused within a day, and what would let them in. */
export function showRefusals(rows) {
  $('refusals').hidden = rows.length === 0;
  $('refusal-rows').replaceChildren(
    ...rows.map((row) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, row.address),
        ...cells(row.key, row.zone, row.asked, row.detail, row.count, moment(row.lastAt), row.advice),
      ),
    ),
  );
}
