/** What must hold for each message and each record of a transfer, whatever stands before it (RFC 5936, 2.2). */
import type { Message, ResourceRecord } from '../message.ts';
import { equalNames, formatName, isBelow } from '../name.ts';
import { CLASS_IN, isMetaType, OPCODE, TYPE, typeToText } from '../types.ts';
import { refusedBy, TransferError } from './transfer-error.ts';

/** What was asked, and so what the reply has to be about. */
export interface Expected {
  zone: Buffer;
  kind: 'AXFR' | 'IXFR';
  id: number;
  /** Takes messages without AA too: Knot DNS 3.2 leaves it clear in transfers, which RFC 5936, 2.2.1 does not allow. */
  withoutAa?: boolean;
}

/** Checks header, question and sections (RFC 5936, 2.2.1 to 2.2.4). Throws TransferError. */
export function checkMessage(message: Message, expected: Expected, isFirst: boolean): void {
  if (message.id !== expected.id) {
    throw new TransferError('wrong id', `a message has the ID ${message.id}, asked was ${expected.id}`);
  }
  if (!message.qr) throw new TransferError('not a reply', 'a message is a query, not a reply');
  if (message.opcode !== OPCODE.QUERY) {
    throw new TransferError('wrong opcode', `a message has the opcode ${message.opcode}, 0 is expected`);
  }
  if (message.rcode !== 0) throw refusedBy(message.rcode);
  if (message.tc) throw new TransferError('truncated', 'a message is marked as truncated');
  if (!message.aa && expected.withoutAa !== true)
    throw new TransferError('not authoritative', 'a message is not authoritative');
  checkQuestion(message, expected, isFirst);
  if (message.authorities.length > 0) {
    throw new TransferError('authority not empty', 'a message has records in the authority section');
  }
  if (message.answers.length === 0) throw new TransferError('empty message', 'a message has no records');
}

/** Checks what every record has to be. Throws TransferError. */
export function checkRecord(record: ResourceRecord, expected: Expected): void {
  const isApex = equalNames(record.name, expected.zone);
  if (record.class !== CLASS_IN) {
    throw new TransferError(
      'wrong class',
      `${describe(record)} has the class ${record.class}, 1 is expected`,
    );
  }
  if (isMetaType(record.type)) throw new TransferError('meta type', `${describe(record)} belongs in no zone`);
  if (!isApex && !isBelow(record.name, expected.zone)) {
    throw new TransferError(
      'outside the zone',
      `${describe(record)} is outside the zone ${formatName(expected.zone)}`,
    );
  }
  if (record.type === TYPE.SOA && !isApex) {
    throw new TransferError('SOA below the apex', `${describe(record)} is not at the zone's apex`);
  }
}

/** The first message repeats the question, later ones may (RFC 5936, 2.2.2). */
function checkQuestion(message: Message, expected: Expected, isFirst: boolean): void {
  const question = message.questions[0];
  if (question === undefined) {
    if (isFirst) throw new TransferError('no question', 'the first message does not repeat the question');
    return;
  }
  const isOurs =
    message.questions.length === 1 &&
    question.type === TYPE[expected.kind] &&
    question.class === CLASS_IN &&
    equalNames(question.name, expected.zone);
  if (!isOurs) throw new TransferError('wrong question', 'a message repeats another question than ours');
}

function describe(record: ResourceRecord): string {
  return `record ${formatName(record.name)} ${typeToText(record.type)}`;
}
