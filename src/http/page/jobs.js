// The last jobs of the queue.

import { ask } from './ask.js';
import { $, cells, counted, make, moment, words } from './dom.js';

function whatOf({ zones, due, force, reason }) {
  const what = zones?.length ? zones.join(', ') : due ? 'targets that are due' : 'all zones';
  return `${what}${force ? ', forced' : ''}${reason ? ` (${reason})` : ''}`;
}

/** Shows them; gives whether one is under way. */
export async function showJobs() {
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
  return data.some((job) => job.state === 'active' || job.state === 'waiting');
}
