import pg from 'pg';

/** Why the database did not do what was asked, for people and for programs. */
export interface DatabaseFailure {
  /** refused: bad data; conflict: it collides with what is there; denied: a missing right; away: the database can't be reached. */
  kind: 'refused' | 'conflict' | 'denied' | 'away';
  /** One line. */
  message: string;
}

const EXCLUDED = 'records that exclude one another at one name';
const NETWORK = /^(ECONN\w+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES|EPIPE)$/;

/** Puts an error of PostgreSQL, or of the way to it, into one line of words; undefined for any other error. */
export function databaseFailure(error: unknown): DatabaseFailure | undefined {
  if (error instanceof pg.DatabaseError) return ofServer(error);
  if (!(error instanceof Error)) return undefined;
  // node tries every address of a name, and gives the errors together
  const cause = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const code = String((cause as NodeJS.ErrnoException).code ?? '');
  const lost = /^(timeout expired|Connection terminated|timeout exceeded when trying to connect)/.test(
    cause.message,
  );
  if (!NETWORK.test(code) && !lost) return undefined;
  return { kind: 'away', message: `PostgreSQL can't be reached (${cause.message}): check DATABASE_URL` };
}

function ofServer(error: pg.DatabaseError): DatabaseFailure {
  const said = withHint(error);
  switch (error.code) {
    case '23514':
      return { kind: 'refused', message: error.constraint ? checkFailed(error) : said };
    case '23P01':
      return { kind: 'conflict', message: error.constraint === EXCLUDED ? excluded() : said };
    case '23505':
      return { kind: 'conflict', message: alreadyThere(error) };
    case '23503':
      return { kind: 'conflict', message: error.constraint ? `there is no such row: ${error.detail}` : said };
    case '42501':
      return { kind: 'denied', message: said };
    case '22001':
    case '22003':
    case '22P02':
    case '22021':
    case '0A000':
      return { kind: 'refused', message: said };
    case '28P01':
    case '28000':
    case '3D000':
      return { kind: 'denied', message: `PostgreSQL refuses the connection (${said}): check DATABASE_URL` };
    default:
      return /^(08|57P|53300)/.test(error.code ?? '')
        ? { kind: 'away', message: `PostgreSQL is away: ${said}` }
        : { kind: 'refused', message: `PostgreSQL: ${said}` };
  }
}

function withHint(error: pg.DatabaseError): string {
  const text = error.hint ? `${error.message} (${error.hint})` : error.message;
  return text.replace(/\s*\n\s*/g, ' ');
}

/** Check constraints bear a sentence as their name. */
function checkFailed(error: pg.DatabaseError): string {
  return `${error.table ?? 'row'}: ${error.constraint}`;
}

function alreadyThere(error: pg.DatabaseError): string {
  const value = /\)=\((.*)\) already exists/.exec(error.detail ?? '')?.[1];
  const kinds: Record<string, string> = {
    zones: 'zone',
    tsig_keys: 'key',
    api_tokens: 'token',
    secondaries: 'secondary',
  };
  return `${kinds[error.table ?? ''] ?? error.table} ${value} is there already`;
}

/** The constraint itself speaks only when another client wrote at the same moment; else the trigger before it has said it in words. */
function excluded(): string {
  return 'another record that was written at the same moment excludes it (a CNAME stands alone, an ALIAS without A and AAAA): look again, then repeat';
}
