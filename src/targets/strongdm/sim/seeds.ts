import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { AccountAttachmentSchema, AccountSchema, RoleSchema } from '../proto/sdm_pb.gen.ts';
import { randomFrom } from './faults.ts';
import type { Effect, State } from './state.ts';

/** What the organisation holds at first: `empty`, `demo` (a small one), or so many generated users. */
export type Seed = 'empty' | 'demo' | number;

/** Throws an Error that says what is allowed. */
export function parseSeed(text: string): Seed {
  if (text === 'empty' || text === 'demo') return text;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new Error(`seed: "${text}" is not understood; known: empty, demo, or a number of users to generate`);
}

interface SeedUser {
  readonly email: string;
  readonly first: string;
  readonly last: string;
  readonly level?: string;
  readonly managedBy?: string;
  readonly roles?: readonly string[];
}

const DEMO_ROLES: ReadonlyArray<readonly [name: string, rules: string]> = [
  ['prod-admin', '[{"tags":{"env":"prod"}}]'],
  ['dba', '[{"type":"postgres"}]'],
  ['auditor', '[]'],
  ['read-only', '[{"tags":{"env":"dev"}}]'],
  ['support', '[{"tags":{"tier":"web"}}]'],
  ['break-glass', '[{"tags":{"env":"prod"}},{"type":"ssh"}]'],
];

const DEMO_USERS: readonly SeedUser[] = [
  { email: 'olivia.owner@pam.example', first: 'Olivia', last: 'Owner', level: 'root-admin', roles: ['break-glass'] },
  { email: 'aiden.admin@pam.example', first: 'Aiden', last: 'Admin', level: 'admin' },
  { email: 'hanna.handmade@pam.example', first: 'Hanna', last: 'Handmade', roles: ['dba'] },
  { email: 'simon.suspended@pam.example', first: 'Simon', last: 'Suspended', level: 'suspended' },
  { email: 'mina.managed@pam.example', first: 'Mina', last: 'Managed', managedBy: 'okta', roles: ['support'] },
];

/** Fills an empty state. */
export function plant(state: State, seed: Seed, now: Date): void {
  if (seed === 'empty') return;
  const effects: Effect[] = [];
  const stamp = timestampFromDate(now);
  const roles = new Map<string, string>();
  for (const [name, accessRules] of DEMO_ROLES) {
    const item = create(RoleSchema, { id: state.newId('r'), name, accessRules });
    roles.set(name, item.id);
    effects.push({ put: 'role', id: item.id, item });
  }
  for (const user of seed === 'demo' ? DEMO_USERS : generated(seed)) {
    const id = state.newId('a');
    const level = user.level ?? 'user';
    const value = {
      id,
      email: user.email,
      firstName: user.first,
      lastName: user.last,
      permissionLevelRW: level,
      suspendedRO: level === 'suspended',
      managedBy: user.managedBy ?? '',
      createdAt: stamp,
    };
    effects.push({ put: 'account', id, item: create(AccountSchema, { account: { case: 'user', value } }) });
    for (const role of user.roles ?? []) {
      const item = create(AccountAttachmentSchema, {
        id: state.newId('aa'),
        accountId: id,
        roleId: roles.get(role) ?? '',
      });
      effects.push({ put: 'attachment', id: item.id, item });
    }
  }
  if (seed === 'demo') effects.push(...machines(state, now));
  state.commit(effects, []);
}

/** A service account and a token: lists hold them too, and a bridge leaves them alone. */
function machines(state: State, now: Date): Effect[] {
  const createdAt = timestampFromDate(now);
  const service = { id: state.newId('a'), name: 'backup', createdAt };
  const token = {
    id: state.newId('a'),
    name: 'reporting',
    accountType: 'admin-token',
    permissions: ['audit:users'],
    duration: durationFromMs(86_400_000),
    createdAt,
  };
  return [
    { put: 'account', id: service.id, item: create(AccountSchema, { account: { case: 'service', value: service } }) },
    { put: 'account', id: token.id, item: create(AccountSchema, { account: { case: 'token', value: token } }) },
  ];
}

function* generated(count: number): Generator<SeedUser> {
  const random = randomFrom(count);
  for (let n = 1; n <= count; n += 1) {
    const roles = DEMO_ROLES.map(([name]) => name).filter((name) => name !== 'break-glass' && random() < 0.25);
    yield { email: `user${n}@generated.example`, first: 'User', last: String(n), roles };
  }
}
