/** What the queue and its jobs are called, by everyone who adds or takes them. */
export const QUEUE_NAME = 'resync';
export const JOB_NAME = 'resync';

/** What a resync is asked to do. */
export interface ResyncData {
  /** Zone names; all zones where there are none. */
  zones?: string[];
  /** Passes guards, damping and NEGATIVE_HOLD. */
  force?: boolean;
  /** Looks only at targets that are due. */
  due?: boolean;
  /** Waits until every secondary that has to serves what is published, for `within` seconds at most (60). */
  converged?: boolean;
  within?: number;
  /** Who asked, for people; `schedule` from the schedule. */
  reason?: string;
}

/** What a resync did. A target counts once however many aliases share it. */
export interface ResyncResult {
  targets: number;
  resolved: number;
  failed: number;
  held: number;
  changedRecords: number;
  changedZones: number;
  notified: number;
  ms: number;
  /** Of a job with `converged`. */
  served?: Served;
}

/** Whether secondaries serve what is published. */
export interface Served {
  converged: boolean;
  /** How many zones are not served by one of their secondaries, each counted. */
  notConverged: number;
  /** The first of them, with the reason in words. */
  missing: { secondary: string; zone: string; serial: number; state: string; words: string }[];
}

/** How far a resync is. */
export interface ResyncProgress {
  phase: string;
  done: number;
  total: number;
}

/** Seconds that a job may wait for secondaries: it holds a place of its worker. */
export const LONGEST_WITHIN = 3_600;

/** The data that a tick of the schedule adds. */
export const SCHEDULED: ResyncData = { due: true, reason: 'schedule' };

/** Whether a job's data are those of a tick. */
export function isScheduled(data: unknown): boolean {
  return isObject(data) && data.due === true && data.reason === SCHEDULED.reason;
}

/**
 * Checks the data of a job that anyone may have added; fields we don't know are ignored.
 *
 * @throws Error that names what was malformed
 */
export function parseResyncData(data: unknown): ResyncData {
  if (!isObject(data))
    throw malformed('data', data, 'an object { zones?, force?, due?, converged?, within?, reason? }');
  const { zones, force, due, converged, within, reason } = data;
  const parsed: ResyncData = {};
  if (isGiven(zones)) parsed.zones = parseZones(zones);
  if (isGiven(force)) parsed.force = parseFlag('force', force);
  if (isGiven(due)) parsed.due = parseFlag('due', due);
  if (isGiven(converged)) parsed.converged = parseFlag('converged', converged);
  if (isGiven(within)) {
    if (typeof within !== 'number' || !Number.isInteger(within) || within < 1 || within > LONGEST_WITHIN)
      throw malformed('within', within, `whole seconds from 1 to ${LONGEST_WITHIN}`);
    parsed.within = within;
  }
  if (isGiven(reason)) {
    if (typeof reason !== 'string') throw malformed('reason', reason, 'a text');
    parsed.reason = reason;
  }
  return parsed;
}

function parseZones(zones: unknown): string[] {
  if (!Array.isArray(zones)) throw malformed('zones', zones, 'a list of zone names');
  return zones.map((zone: unknown) => {
    if (typeof zone !== 'string' || zone === '') throw malformed('zones', zone, 'zone names');
    return zone;
  });
}

function parseFlag(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw malformed(name, value, 'true or false');
  return value;
}

function malformed(field: string, got: unknown, takes: string): Error {
  return new Error(`${field}: got ${JSON.stringify(got)?.slice(0, 100)}, takes ${takes}`);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
