import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What a process and its children hold; undefined where it has ended or the system has no /proc. */
export interface Holdings {
  /** Bytes: what it alone has, and its part of what is shared. */
  pss: number;
  /** Bytes, of the process itself. */
  rss: number;
  handles: number;
  sockets: number;
  threads: number;
  processes: number;
}

export function holdingsOf(pid: number): Holdings | undefined {
  try {
    const own = one(pid);
    for (const child of childrenOf(pid)) {
      const more = holdingsOf(child);
      if (more === undefined) continue;
      own.pss += more.pss;
      own.handles += more.handles;
      own.sockets += more.sockets;
      own.threads += more.threads;
      own.processes += more.processes;
    }
    return own;
  } catch {
    return undefined;
  }
}

function one(pid: number): Holdings {
  const kilobytes = (file: string, field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1]) *
    1024;
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return {
    pss: kilobytes('smaps_rollup', 'Pss'),
    rss: kilobytes('status', 'VmRSS'),
    handles: links.length,
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    processes: 1,
  };
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map(Number),
  );
}
