import type { Message, ResourceRecord } from '../../src/dns/message.ts';
import { appendTsigRecord } from '../../src/dns/tsig/record.ts';
import { MessageWriter, type Section } from '../../src/dns/writer.ts';

/** The same message from our writer: other octets where names are compressed otherwise, and no other meaning. */
export function reencode(message: Message): Buffer {
  const writer = new MessageWriter({ limit: 65_535 }).header({ id: message.id, flags: message.flags });
  for (const { wire } of message.questions) writer.question(wire);
  const sections: [Section, ResourceRecord[]][] = [
    ['answer', message.answers],
    ['authority', message.authorities],
    ['additional', message.additionals],
  ];
  for (const [section, records] of sections)
    for (const { name, type, class: recordClass, ttl, rdata } of records)
      if (!writer.record(name, type, recordClass, ttl, rdata, section)) throw new Error('it does not fit');
  if (message.opt !== undefined) writer.opt(message.opt);
  const bytes = writer.finish();
  return message.tsig === undefined ? bytes : appendTsigRecord(bytes, message.tsig.record);
}

/** What a message means: all but where its parts stand. */
export function meaning(message: Message): object {
  const { length: _length, tsig, ...rest } = message;
  return { ...rest, tsig: tsig?.record };
}
