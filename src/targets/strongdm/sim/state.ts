import { randomBytes } from 'node:crypto';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Account, AccountAttachment, Role } from '../proto/sdm_pb.gen.ts';
import { AccountAttachmentSchema, AccountSchema, RoleSchema } from '../proto/sdm_pb.gen.ts';
import type { JournalOp } from './journal.ts';
import type { Table } from './table.ts';
import { table } from './table.ts';

/** The simulated organisation: its tables, keys, and the log of what was changed. */
export interface State {
  readonly accounts: Table<Account>;
  readonly roles: Table<Role>;
  readonly attachments: Table<AccountAttachment>;
  readonly keys: Map<string, ApiKey>;
  /** Every change since the start, oldest first; only the newest 100 000 are kept. */
  readonly changes: readonly ChangeRecord[];
  readonly seq: number;
  newId(prefix: 'a' | 'r' | 'aa'): string;
  /** Makes all effects of one call, or none: they are in the journal before they are in the tables. */
  commit(effects: readonly Effect[], records: readonly ChangeRecord[]): void;
  /** Everything, as effects on an empty state. */
  dump(): Iterable<JournalOp>;
}

export interface ApiKey {
  readonly secret: string;
  /** Account id of the token; empty for the simulator's own key, which may do everything. */
  readonly account: string;
}

/** One change, in the words of the vendor's activities. */
export interface ChangeRecord {
  readonly verb: string;
  readonly accountId?: string;
  readonly roleId?: string;
}

type Kinds = { account: Account; role: Role; attachment: AccountAttachment };
export type Kind = keyof Kinds;
export type Effect =
  | { readonly [K in Kind]: { readonly put: K; readonly id: string; readonly item: Kinds[K] } }[Kind]
  | { readonly delete: Kind; readonly id: string }
  | { readonly key: string; readonly secret: string; readonly account: string };

const SCHEMAS: Readonly<Record<Kind, DescMessage>> = {
  account: AccountSchema,
  role: RoleSchema,
  attachment: AccountAttachmentSchema,
};
const KEPT_CHANGES = 100_000;

export const accountId = (account: Account): string => account.account.value?.id ?? '';
export const accountTags = (account: Account) => account.account.value?.tags?.pairs ?? [];
const emailOf = (a: Account): string[] => (a.account.case === 'user' ? [a.account.value.email] : []);
const nameOf = (a: Account): string[] =>
  a.account.case === 'user' || a.account.case === undefined ? [] : [`${a.account.case} ${a.account.value.name}`];

const encode = <D extends DescMessage>(schema: D, item: MessageShape<D>): string =>
  Buffer.from(toBinary(schema, item)).toString('base64');

/** `restore` is what a journal holds; `append` takes the effects of each later call. */
export function openState(restore: readonly JournalOp[], firstSeq: number, append: (ops: JournalOp[]) => void): State {
  const tables = {
    account: table<Account>({
      email: emailOf,
      kindname: nameOf,
      tag: (a) => accountTags(a).map((pair) => `${pair.name}=${pair.value}`),
    }),
    role: table<Role>({ name: (r) => [r.name] }),
    attachment: table<AccountAttachment>({
      accountid: (a) => [a.accountId],
      roleid: (a) => [a.roleId],
      pair: (a) => [`${a.accountId} ${a.roleId}`],
    }),
  };
  const keys = new Map<string, ApiKey>();
  const changes: ChangeRecord[] = [];
  let seq = firstSeq;

  const redo = (op: JournalOp): void => {
    if ('key' in op) keys.set(op.key, { secret: op.secret, account: op.account });
    else if ('delete' in op) {
      tables[op.delete].delete(op.id);
      if (op.delete === 'account') dropKeysOf(op.id);
    } else {
      const item = fromBinary(SCHEMAS[op.put], Buffer.from(op.data, 'base64'));
      (tables[op.put] as Table<unknown>).put(op.id, item, op.seq);
      seq = Math.max(seq, op.seq + 1);
    }
  };
  const dropKeysOf = (account: string): void => {
    for (const [key, { account: owner }] of keys) if (owner === account) keys.delete(key);
  };
  const opOf = (effect: Effect, at: number): JournalOp[] => {
    if (!('put' in effect)) return [effect];
    const { put, id, item } = effect;
    return [{ put, id, seq: tables[put].seqOf(id) ?? at, data: encode(SCHEMAS[put], item) }];
  };
  for (const op of restore) redo(op);

  return {
    accounts: tables.account,
    roles: tables.role,
    attachments: tables.attachment,
    keys,
    changes,
    get seq() {
      return seq;
    },
    newId(prefix) {
      for (;;) {
        const id = `${prefix}-${randomBytes(8).toString('hex')}`;
        if (Object.values(tables).every((one) => one.get(id) === undefined)) return id;
      }
    },
    commit(effects, records) {
      const ops = effects.flatMap((effect, index) => opOf(effect, seq + index));
      append(ops);
      for (const op of ops) redo(op);
      changes.push(...records);
      if (changes.length > KEPT_CHANGES) changes.splice(0, changes.length - KEPT_CHANGES);
    },
    *dump() {
      for (const kind of ['role', 'account', 'attachment'] as const) {
        for (const row of (tables[kind] as Table<MessageShape<DescMessage>>).after(0)) {
          yield { put: kind, id: row.id, seq: row.seq, data: encode(SCHEMAS[kind], row.item) };
        }
      }
      for (const [key, { secret, account }] of keys) if (account !== '') yield { key, secret, account };
    },
  };
}
