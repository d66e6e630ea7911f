import { recoveryNow } from '../app/guardian.ts';
import { notifyWake } from '../store/lease.ts';
import { beginRecovery, endRecovery } from '../store/recovery.ts';
import type { Answer } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { refuseMissing } from './store-copy.ts';
import { when } from './text.ts';

/** `store recovered` */
export async function recoveredCommand(context: Context, reason: string): Promise<Answer> {
  if (reason.trim() === '') {
    throw new CommandError(EXIT.usage, '--reason is empty', { remedy: 'Say why the store is right as it is.' });
  }
  refuseMissing(context);
  return context.withStore(async ({ db }, settings) => {
    const ended = await db.tx(async (tx) => {
      // One that only the next start would have noted: what is confirmed stands in the history all the same.
      const recovery = await recoveryNow(tx, settings.witness);
      if (recovery !== undefined) await beginRecovery(tx, recovery.because);
      return endRecovery(tx, context.actor, reason.trim());
    });
    if (ended === undefined) {
      return { json: { ended: null }, text: 'The store is not in recovery.', exit: EXIT.nothing };
    }
    await notifyWake(db, false);
    return {
      json: { ended, reason: reason.trim() },
      text:
        `The recovery since ${when(ended.since)} UTC has ended (${ended.because}).\n` +
        'The service plans everybody again: what the rules want and is there already is claimed.',
    };
  });
}
