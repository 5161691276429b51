import { connect } from 'node:net';

/** One answer as it came over the wire. */
export interface RawAnswer {
  status: number;
  head: string;
  body: string;
}

const QUIET = 300; // ms without another octet, where the connection stays open

/** Sends this as it stands, an octet a character; the answers that come until the connection is closed, or nothing more does. */
export function sendRaw(base: string, text: string): Promise<RawAnswer[]> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    let got = '';
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answersIn(got));
    };
    socket.on('error', () => {});
    socket.on('close', end);
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
      clearTimeout(timer);
      // an answer is whole where its length says so; behind it another one may be on its way
      if (answersIn(got).length > 0) timer = setTimeout(end, QUIET);
    });
    socket.write(Buffer.from(text, 'latin1'));
  });
}

function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = text; ; ) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return answers;
    const head = rest.slice(0, end).replaceAll('\r\n', '\n');
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    const body = rest.slice(end + 4, end + 4 + length);
    answers.push({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body });
    rest = rest.slice(end + 4 + length);
  }
}
