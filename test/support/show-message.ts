import { type Message, type ResourceRecord, readMessage } from '../../src/dns/message.ts';
import { formatName } from '../../src/dns/name.ts';
import { formatRdata } from '../../src/dns/rdata/index.ts';
import { rcodeToText, typeToText } from '../../src/dns/types.ts';

const OPCODES: Record<number, string> = { 0: 'QUERY', 4: 'NOTIFY' };
const FLAGS = ['qr', 'aa', 'tc', 'rd', 'ra', 'ad'] as const;

/** A message as people read it, a line for each of its parts. */
export function showMessage(bytes: Buffer): string[] {
  const message: Message = readMessage(bytes);
  const flags = FLAGS.filter((flag) => message[flag]).map((flag) => ` ${flag}`);
  const show = (section: string) => (record: ResourceRecord) =>
    `${section} ${formatName(record.name)} ${record.ttl} ${typeToText(record.type)} ${formatRdata(record.type, record.rdata)}`;
  return [
    `id ${message.id} ${OPCODES[message.opcode] ?? message.opcode} ${rcodeToText(message.rcode)}${flags.join('')}`,
    ...message.questions.map(({ name, type }) => `question ${formatName(name)} ${typeToText(type)}`),
    ...message.answers.map(show('answer')),
    ...message.authorities.map(show('authority')),
    ...message.additionals.map(show('additional')),
    ...(message.opt === undefined
      ? []
      : [
          `opt version ${message.opt.version} size ${message.opt.udpSize}${message.opt.dnssecOk ? ' do' : ''}${message.opt.options
            .map(({ code, data }) => ` option ${code} "${data.toString('hex')}"`)
            .join('')}`,
        ]),
  ];
}
