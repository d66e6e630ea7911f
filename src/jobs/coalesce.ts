interface Waiting<I, O> {
  readonly item: I;
  resolve(value: O): void;
  reject(error: unknown): void;
}

/**
 * Makes one call of many: what is asked for while a call is under way, or in the same turn, goes as the next call, up to
 * `most` items. `many` answers in the order of its items. To whoever asks it is as if they had asked alone: where a
 * call fails each of its items is tried by itself, so that one that can't be done spoils no other; but for an error
 * that `together` says concerns all of them. Hence `many` must do all or nothing, or bear being repeated.
 */
export function coalesce<I, O>(
  many: (items: readonly I[]) => Promise<readonly O[]>,
  options: { readonly most: number; readonly together: (error: unknown) => boolean },
): (item: I) => Promise<O> {
  const waiting: Array<Waiting<I, O>> = [];
  let busy = false;

  const alone = async (one: Waiting<I, O>): Promise<void> => {
    try {
      one.resolve(first(await many([one.item])));
    } catch (error) {
      one.reject(error);
    }
  };

  const attempt = async (batch: ReadonlyArray<Waiting<I, O>>): Promise<void> => {
    try {
      const answers = await many(batch.map((one) => one.item));
      if (answers.length !== batch.length) throw new Error(`${answers.length} answers to ${batch.length} questions`);
      batch.forEach((one, i) => one.resolve(answers[i] as O));
    } catch (error) {
      if (batch.length === 1 || options.together(error)) for (const one of batch) one.reject(error);
      else for (const one of batch) await alone(one);
    }
  };

  const pump = async (): Promise<void> => {
    while (waiting.length > 0) await attempt(waiting.splice(0, options.most));
    busy = false;
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (busy) return;
      busy = true;
      // At the end of this turn of the event loop: those who ask in the same turn go along.
      setImmediate(() => void pump());
    });
}

function first<O>(answers: readonly O[]): O {
  if (answers.length !== 1) throw new Error(`${answers.length} answers to one question`);
  return answers[0] as O;
}
