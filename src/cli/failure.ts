import { CommanderError } from 'commander';
import { messageOf, UserError } from '../errors.ts';
import { databaseFailure } from '../store/failure.ts';

/** What a command ends with for anything thrown: one line, and 1 (failed) or 2 (wrong usage). */
export function failureOf(error: unknown): { message: string; exitCode: 1 | 2 } {
  if (error instanceof CommanderError) return { message: usageMessage(error), exitCode: 2 };
  if (error instanceof UserError) return { message: messageOf(error), exitCode: error.exitCode };
  return { message: databaseFailure(error)?.message ?? messageOf(error), exitCode: 1 };
}

function usageMessage(error: CommanderError): string {
  // commander shows the help of a group without a command as its error
  if (error.code === 'commander.help') return 'a command is missing: --help lists them';
  return messageOf(error).replace(/^error: /, '');
}
