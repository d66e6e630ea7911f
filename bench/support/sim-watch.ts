import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { AccountSchema } from '../../src/targets/strongdm/proto/sdm_pb.gen.ts';

export interface SimWatch {
  /** When (`performance.now`) the account with this login was first seen suspended. Throws after `limitMs`. */
  blocked(login: string, limitMs: number): Promise<number>;
  close(): void;
}

const EVERY_MS = 5;

/** Reads along in a simulator's journal and notes when accounts (ids by login) are suspended. */
export async function watchSim(journal: string, accounts: ReadonlyMap<string, string>): Promise<SimWatch> {
  const file = openSync(journal, 'r');
  const ids = new Map([...accounts].map(([login, id]) => [id, login]));
  const seen = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  let at = fstatSync(file).size;
  let rest = '';
  const note = (line: string): void => {
    const { ops } = JSON.parse(line) as { ops?: ReadonlyArray<{ put?: string; id: string; data: string }> };
    for (const op of ops ?? []) {
      const login = op.put === 'account' ? ids.get(op.id) : undefined;
      if (login === undefined || seen.has(login)) continue;
      const { account } = fromBinary(AccountSchema, Buffer.from(op.data, 'base64'));
      if (account.case !== 'user' || !account.value.suspendedRO) continue;
      seen.set(login, performance.now());
      waiting.get(login)?.(performance.now());
    }
  };
  const look = (): void => {
    const size = fstatSync(file).size;
    if (size === at) return;
    const chunk = Buffer.alloc(size - at);
    at += readSync(file, chunk, 0, chunk.length, at);
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') note(line);
  };
  const timer = setInterval(look, EVERY_MS);
  return {
    blocked: (login, limitMs) =>
      new Promise((resolve, reject) => {
        const when = seen.get(login);
        if (when !== undefined) return resolve(when);
        const late = setTimeout(() => reject(new Error(`${login} was not blocked within ${limitMs} ms`)), limitMs);
        waiting.set(login, (now) => {
          clearTimeout(late);
          resolve(now);
        });
      }),
    close: () => {
      clearInterval(timer);
      closeSync(file);
    },
  };
}
