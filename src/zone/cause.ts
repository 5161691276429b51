/** One look at a target, as far as it explains a version. */
export interface SeenLook {
  family: 'A' | 'AAAA';
  outcome: string;
  resolver?: string | undefined;
  /** The CNAMEs on the way to the addresses. */
  chain?: readonly string[] | undefined;
  /** Why it failed, or what the resolver said beside its answer. */
  detail?: string | undefined;
}

/**
 * Why a name is to be published again: an ALIAS's target moved, a catalog's member came or went, or somebody edited. Marks carry it and
 * each version of the journal keeps it.
 */
export type Cause =
  | { by: 'alias'; target: string; job?: string; looks?: SeenLook[]; forced?: true }
  | {
      by: 'sql' | 'cli' | 'api' | 'service' | 'catalog';
      /** The role, the user, the token, the member zone. */
      actor?: string;
      /** Of an SQL client: its application_name and its address, none for a local socket. */
      application?: string;
      address?: string;
      /** What was done where it was no plain edit: `import`, `rollback to 5`, `serial`. */
      action?: string;
      /** The name of ours that was edited, where an ALIAS follows it. */
      follows?: string;
    };

/** The causes of one version: the first different ones, and how many more there were. */
export interface Reason {
  causes: Cause[];
  more?: number;
  /** The ids of further changes that went into it. */
  joined?: string[];
}

const MOST = 20; // causes kept of one version
const LONGEST_CHAIN = 16;

/** The cause of a target that moved. `evidence`: its looks, newest first; the newest of each family explains it. */
export function aliasCause(
  target: string,
  evidence: readonly SeenLook[] = [],
  job: string | undefined = undefined,
  forced = false,
): Cause {
  const looks = (['A', 'AAAA'] as const).flatMap((wanted) => {
    const look = evidence.find(({ family }) => family === wanted);
    if (!look) return [];
    const { family, outcome, resolver, chain, detail } = look;
    return [
      {
        family,
        outcome,
        ...(resolver ? { resolver } : {}),
        ...(chain?.length ? { chain: chain.slice(0, LONGEST_CHAIN) } : {}),
        ...(detail ? { detail } : {}),
      },
    ];
  });
  return {
    by: 'alias',
    target,
    ...(job ? { job } : {}),
    ...(looks.length > 0 ? { looks } : {}),
    ...(forced ? { forced } : {}),
  };
}

/** What a version keeps of its causes, which are different from one another, as the JSON that marks carry: it is never unpacked here. */
export function reasonJson(causes: ReadonlySet<string>, joined: readonly string[] = []): string {
  const kept = [...causes].slice(0, MOST);
  const more = causes.size > MOST ? `,"more":${causes.size - MOST}` : '';
  const others = joined.length > 0 ? `,"joined":${JSON.stringify(joined)}` : '';
  return `{"causes":[${kept.join()}]${more}${others}}`;
}

/** A stored reason, of earlier versions of the journal too. */
export function readReason(stored: object): Reason {
  if ('causes' in stored) return stored as Reason;
  const { targets = [], jobs = [] } = stored as { targets?: string[]; jobs?: string[] };
  return { causes: targets.map((target) => aliasCause(target, [], jobs[0])) };
}

/** The cause of an ALIAS that follows what was done to a name of ours; `edit`: the cause of that, where somebody did it. */
export function followCause(name: string, edit?: Cause): Cause {
  const cause = edit && edit.by !== 'alias' ? edit : { by: 'service' as const, action: 'follow' };
  return { ...cause, follows: name };
}

/** Whether a mark with this cause, as JSON, is one that follows another: nothing was edited at its own name. */
export function isFollowing(cause: string | null): boolean {
  return cause?.includes('"follows":') ?? false;
}

/** A cause in words, on one line. */
export function causeText(cause: Cause): string {
  if (cause.by === 'alias') return aliasText(cause);
  return cause.follows ? `${editText(cause)}, of ${cause.follows} on its way` : editText(cause);
}

function editText(cause: Exclude<Cause, { by: 'alias' }>): string {
  const { by, actor, application, address, action = 'edit' } = cause;
  switch (by) {
    case 'sql': {
      const from = [application, address].filter((part) => part).join(', ');
      return `${action === 'edit' ? 'SQL' : `${action}, SQL`} by ${actor}${from ? ` (${from})` : ''}`;
    }
    case 'cli':
      return `${action} by ${actor} on the command line`;
    case 'api':
      return `${action} by ${actor} through the API`;
    case 'catalog':
      return `${actor}: ${action}`;
    case 'service':
      return actor ? `${action} by the service: ${actor}` : `${action} by the service`;
  }
}

function aliasText({ target, job, looks = [] }: Extract<Cause, { by: 'alias' }>): string {
  const seen = looks.map(({ family, outcome, resolver, chain = [], detail }) =>
    [
      `${family} ${outcome}${resolver ? ` by ${resolver}` : ''}`,
      ...(chain.length > 0 ? [`over ${chain.join(' -> ')}`] : []),
      ...(detail ? [`(${detail})`] : []),
    ].join(' '),
  );
  return [
    `${target} moved`,
    ...(seen.length > 0 ? [seen.join('; ')] : []),
    ...(job ? [`job ${job}`] : []),
  ].join(', ');
}
