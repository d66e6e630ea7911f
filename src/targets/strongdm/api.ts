import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { failureOf } from './errors.ts';
import type { Doing } from './errors.ts';
import type { Patience } from './lists.ts';
import { eachPage } from './lists.ts';
import type { CallKind, Pace } from './pace.ts';
import type { AccountAttachment, RateLimitMetadata, Role, User, UserSchema } from './proto/sdm_pb.gen.ts';
import { AccountAttachments, Accounts, Roles } from './proto/sdm_pb.gen.ts';
import { CallError, Code } from './wire.ts';
import type { Wire } from './wire.ts';

/** The calls that this target makes. Each throws nothing but `Failure`, or the signal's reason. */
export interface Api {
  /** Accounts of kind user; other kinds, and kinds unknown here, are left out. */
  users(filter: string, signal: AbortSignal, patience?: Patience): AsyncGenerator<User>;
  roles(filter: string, signal: AbortSignal, patience?: Patience): AsyncGenerator<Role>;
  attachments(filter: string, signal: AbortSignal, patience?: Patience): AsyncGenerator<AccountAttachment>;
  /** Undefined when there is no such account, or it is not a user. */
  user(id: string, signal: AbortSignal): Promise<User | undefined>;
  /** Undefined when the e-mail address is taken. */
  createUser(user: MessageInitShape<typeof UserSchema>, signal: AbortSignal): Promise<User | undefined>;
  /** Replaces the whole user: give back what was read, unknown fields too. Undefined when the e-mail address is taken. */
  updateUser(user: User, signal: AbortSignal): Promise<User | undefined>;
  /** False when the account has the role already. */
  attach(accountId: string, roleId: string, signal: AbortSignal): Promise<boolean>;
  /** False when there is no such attachment. */
  detach(id: string, signal: AbortSignal): Promise<boolean>;
  /** Undefined when the name is taken. */
  createRole(name: string, signal: AbortSignal): Promise<Role | undefined>;
}

export interface ApiOptions {
  readonly wire: Wire;
  readonly pace: Pace;
  readonly host: string;
  readonly pageSize: number;
  readonly now: () => Date;
}

interface Rated {
  readonly rateLimit?: RateLimitMetadata | undefined;
}

const userOf = (account: { account: { case: string | undefined; value?: unknown } } | undefined): User | undefined =>
  account?.account.case === 'user' ? (account.account.value as User) : undefined;

export function openApi(options: ApiOptions): Api {
  const { wire, pace, host, pageSize } = options;

  async function call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal: AbortSignal,
    how: Omit<Doing, 'host' | 'kind'> & { readonly expect?: number },
  ): Promise<MessageShape<O> | undefined> {
    const kind: CallKind = method.name === 'Get' || method.name === 'List' ? 'read' : 'write';
    await pace.take(kind, signal);
    try {
      const answer = await wire.call(method, request, signal);
      const rate = (answer as Rated).rateLimit;
      if (rate !== undefined) pace.learn(kind, { limit: Number(rate.limit), remaining: Number(rate.remaining) });
      return answer;
    } catch (error) {
      if (error instanceof CallError && error.code === how.expect) return undefined;
      throw failureOf(error, { ...how, kind, host }, options.now());
    }
  }

  const list = <T>(
    fetch: (meta: { limit: number; cursor: string }) => Promise<{ items: readonly T[]; next: string }>,
    patience: Patience,
    signal: AbortSignal,
  ): AsyncGenerator<T> => eachPage((cursor) => fetch({ limit: pageSize, cursor }), patience, signal);

  return {
    async *users(filter, signal, patience = 'none') {
      const fetch = async (meta: { limit: number; cursor: string }) => {
        const answer = await call(Accounts.method.list, { meta, filter }, signal, {
          scope: 'all',
          permission: 'user:list',
        });
        return { items: answer?.accounts ?? [], next: answer?.meta?.nextCursor ?? '' };
      };
      for await (const account of list(fetch, patience, signal)) {
        const user = userOf(account);
        if (user !== undefined) yield user;
      }
    },
    roles(filter, signal, patience = 'none') {
      return list(
        async (meta) => {
          const answer = await call(Roles.method.list, { meta, filter }, signal, {
            scope: 'all',
            permission: 'role:list',
          });
          return { items: answer?.roles ?? [], next: answer?.meta?.nextCursor ?? '' };
        },
        patience,
        signal,
      );
    },
    attachments(filter, signal, patience = 'none') {
      return list(
        async (meta) => {
          const how = { scope: 'all', permission: 'user:list and role:list' } as const;
          const answer = await call(AccountAttachments.method.list, { meta, filter }, signal, how);
          return { items: answer?.accountAttachments ?? [], next: answer?.meta?.nextCursor ?? '' };
        },
        patience,
        signal,
      );
    },
    async user(id, signal) {
      const how = { scope: 'one', permission: 'user:list', expect: Code.NOT_FOUND } as const;
      return userOf((await call(Accounts.method.get, { id }, signal, how))?.account);
    },
    async createUser(user, signal) {
      const how = { scope: 'one', permission: 'user:create', expect: Code.ALREADY_EXISTS } as const;
      const request = { account: { account: { case: 'user' as const, value: user } } };
      return userOf((await call(Accounts.method.create, request, signal, how))?.account);
    },
    async updateUser(user, signal) {
      const how = { scope: 'one', permission: 'user:update and user:suspend', expect: Code.ALREADY_EXISTS } as const;
      const request = { account: { account: { case: 'user' as const, value: user } } };
      return userOf((await call(Accounts.method.update, request, signal, how))?.account);
    },
    async attach(accountId, roleId, signal) {
      const how = { scope: 'one', permission: 'user:assign', expect: Code.ALREADY_EXISTS } as const;
      const request = { accountAttachment: { accountId, roleId } };
      return (await call(AccountAttachments.method.create, request, signal, how)) !== undefined;
    },
    async detach(id, signal) {
      const how = { scope: 'one', permission: 'user:assign', expect: Code.NOT_FOUND } as const;
      return (await call(AccountAttachments.method.delete, { id }, signal, how)) !== undefined;
    },
    async createRole(name, signal) {
      const how = { scope: 'one', permission: 'role:create', expect: Code.ALREADY_EXISTS } as const;
      return (await call(Roles.method.create, { role: { name } }, signal, how))?.role;
    },
  };
}
