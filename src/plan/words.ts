import { type Cause, type ItemKey, itemRole, type Profile } from '../model/accounts.ts';
import type { Evidence } from '../model/facts.ts';
import type { Change, Op } from '../model/plan.ts';

/** What a plan calls people; a person without a name is shown by id. */
export interface PlanLookup {
  readonly person?: (id: string) => string | undefined;
}

export const MARKS: Readonly<Record<Op, string>> = {
  claim: '=',
  adopt: '=',
  create: '+',
  alias: '+',
  grant: '+',
  enable: '+',
  update: '~',
  revoke: '-',
  unalias: '-',
  block: '!',
  endSessions: '!',
  destroy: '!',
};

const EVIDENCE: Readonly<Record<Evidence, string>> = {
  explicit: 'disabled or deleted at the source',
  removed: 'no rule wants it any more',
  'scoped-out': "left the source's filter",
  absent: 'missing at the source',
  unknown: 'reason unknown',
};

/** Names come from directories: no control character of theirs may reach a terminal. */
export const clean = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');

/** One change in a few words, without its reason. */
export function saying(change: Change): string {
  const { op, item } = change;
  const until = change.until === undefined ? '' : ` until ${change.until}`;
  switch (op) {
    case 'claim':
    case 'adopt':
      if (item === 'account' && text(change.after, 'accountId') === undefined) {
        return 'look whether the account was made: no answer came';
      }
      return `${op} ${op === 'adopt' ? `account ${login(change.after)}` : thing(item)}, which is there already`;
    case 'create':
      return `create account ${login(change.after)}`;
    case 'update':
      return `update account: ${differences(change.before, change.after)}`;
    case 'grant':
      return `grant ${thing(item)}${until}${roleId(change.after) ? '' : ' (the role is made, too)'}`;
    case 'revoke':
      return `revoke ${thing(item)}`;
    case 'alias':
      return `set ${thing(item)} to ${text(change.after, 'username') ?? '?'}`;
    case 'unalias': {
      const username = text(change.before, 'username');
      return `remove ${thing(item)}${username === undefined ? '' : `, ${username}`}`;
    }
    case 'block':
      return 'block sign-in';
    case 'enable':
      return 'allow sign-in again';
    case 'endSessions':
      return 'end live sessions';
    case 'destroy':
      return `destroy ${thing(item)}`;
  }
}

/** Why: the evidence for what is taken, the rules for what is given. */
export function reason({ evidence, expected, causes }: Change): string {
  const rules = [...new Set(causes.map(because))].join('; ');
  if (evidence === undefined) return rules;
  if (expected === true) return `its time is over; was ${rules}`;
  const was = rules === '' ? 'not given by us' : `was ${rules}`;
  return evidence === 'explicit' && rules === '' ? EVIDENCE[evidence] : `${EVIDENCE[evidence]}; ${was}`;
}

const because = ({ rule, path }: Cause): string => {
  const way = (path ?? []).map((step) => clean(step.name)).join(' > ');
  return way === '' ? `by rule ${rule}` : `by rule ${rule}, in ${way}`;
};

function thing(item: ItemKey): string {
  const role = itemRole(item);
  if (role !== undefined) return `role ${clean(role)}`;
  return item === 'account' ? 'account' : `alias in set ${clean(item.slice('alias:'.length))}`;
}

function text(value: unknown, key: string): string | undefined {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === 'string' ? clean(found) : undefined;
}

const login = (profile: unknown): string => text(profile, 'login') ?? '?';
const roleId = (value: unknown): boolean => text(value, 'roleId') !== undefined;

const FIELDS: ReadonlyArray<keyof Profile> = ['login', 'displayName', 'firstName', 'lastName', 'email'];

function differences(before: unknown, after: unknown): string {
  const changed = FIELDS.filter((field) => text(before, field) !== text(after, field));
  return changed.map((f) => `${f} ${quoted(text(before, f))} -> ${quoted(text(after, f))}`).join(', ');
}

const quoted = (value: string | undefined): string => (value === undefined ? 'none' : JSON.stringify(value));
