import type { AttributeValue, PersonRecord } from '../../model/facts.ts';
import type { DisabledBy, Mapped } from './flavors.ts';
import { splitExtendedDn } from './dn.ts';
import type { Setup } from './setup.ts';
import { byCode, fileTimeOf, guidOf, textOf, ValueError, valueOf } from './values.ts';
import type { Entry } from './wire/index.ts';

/** What an entry is to us. `outside`: it was found, and is not one of those that are read. */
export type Understood =
  | { readonly what: 'person'; readonly person: PersonRecord }
  | { readonly what: 'outside'; readonly id: string; readonly disabled: boolean }
  | { readonly what: 'unreadable'; readonly id?: string; readonly because: string };

const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase());

/** Shared, room and equipment mailboxes, here and remote; arbitration and discovery (msExchRecipientTypeDetails). */
const NO_PERSON = new Set(['4', '16', '32', '8388608', '536870912', '8589934592', '17179869184', '34359738368']);
const MAILBOX = 'msExchRecipientTypeDetails';

const ACCOUNT_DISABLED = 0x2;
/** Of ppolicy: locked by an administrator, and not for wrong passwords (draft-behera-ldap-password-policy 5.3.3). */
const LOCKED_FOR_GOOD = '000001010000Z';
const DAY = 86_400_000;

const attributeOf = (by: DisabledBy): string => (typeof by === 'string' ? by : by.attribute);

/** The attributes that have to be asked for to understand people. */
export function personAttributes(setup: Setup): string[] {
  const mapped = [...setup.attributes.values()].flatMap((m) => m.from).filter((name) => name !== 'dn');
  const ad = setup.flavor === 'ad' ? ['primaryGroupID', 'objectSid', ...(setup.mailboxes ? [] : [MAILBOX])] : [];
  const uid = setup.memberUid ? ['uid'] : [];
  return [
    ...new Set([
      ...anchorAttributes(setup),
      ...setup.userName,
      ...mapped,
      ...setup.disabled.map(attributeOf),
      ...ad,
      ...uid,
    ]),
  ];
}

/** Those that say who an entry is and whether it is disabled. */
export const statusAttributes = (setup: Setup): string[] => [
  ...new Set([...anchorAttributes(setup), 'objectClass', ...setup.disabled.map(attributeOf)]),
];

export const anchorAttributes = (setup: Setup): string[] => [setup.kind.anchor.attribute];

/** The immutable id of an entry. Throws ValueError when it has none. */
export function anchorOf(entry: Entry, { kind }: Setup): string {
  const [value] = entry.values.get(kind.anchor.attribute.toLowerCase()) ?? [];
  if (value === undefined) throw new ValueError(`it has no ${kind.anchor.attribute}`);
  return kind.anchor.guid ? guidOf(value) : textOf(value, kind.anchor.attribute).toLowerCase();
}

/** What makes people of entries; made once for a reading. `now` is the time at which end dates are held against. */
export function understandPeople(setup: Setup, now: Date): (entry: Entry, key: string | undefined) => Understood {
  const userName = lower(setup.userName);
  const fields = [...setup.attributes].map(([name, mapped]) => ({ name, mapped, from: lower(mapped.from) }));
  return (entry, key) => {
    let id: string | undefined;
    try {
      id = anchorOf(entry, setup);
      const disabled = isDisabled(entry, setup, now);
      if (isOutside(entry, key, setup)) return { what: 'outside', id, disabled };
      return { what: 'person', person: personOf(entry, id, !disabled, userName, fields, setup) };
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      return { what: 'unreadable', because: error.message, ...(id === undefined ? {} : { id }) };
    }
  };
}

interface Field {
  readonly name: string;
  readonly mapped: Mapped;
  /** In lower case. */
  readonly from: readonly string[];
}

function personOf(
  entry: Entry,
  id: string,
  active: boolean,
  userNames: readonly string[],
  fields: readonly Field[],
  setup: Setup,
): PersonRecord {
  const attributes: Record<string, AttributeValue> = {};
  const emails: string[] = [];
  let displayName: string | undefined;
  for (const { name, mapped, from } of fields) {
    if (name === 'email' || name === 'emails') {
      for (const text of textsOf(entry, from, name))
        if (!emails.includes(text)) emails[name === 'email' ? 'unshift' : 'push'](text);
      continue;
    }
    const value = fieldValue(entry, from, mapped);
    if (value === undefined) continue;
    if (name === 'displayName') displayName = String(value);
    else attributes[name] = value;
  }
  const userName = fieldValue(entry, userNames, { from: userNames, type: 'string' });
  if (userName === undefined) throw new ValueError(`it has no ${setup.userName.join(', and no ')}`);
  return {
    id,
    userName: String(userName),
    active,
    emails,
    attributes,
    ...(displayName === undefined ? {} : { displayName }),
  };
}

/** The values of the first of the attributes that has any; the last in order first, so that `unshift` puts the first there. */
function textsOf(entry: Entry, from: readonly string[], name: string): string[] {
  const values = from.map((one) => entry.values.get(one)).find((list) => list !== undefined && list.length > 0) ?? [];
  const texts = values
    .map((value) => textOf(value, name))
    .filter((text) => text !== '')
    .toSorted(byCode);
  return name === 'email' ? texts.toReversed() : texts;
}

function fieldValue(entry: Entry, from: readonly string[], mapped: Mapped): AttributeValue | undefined {
  for (const name of from) {
    if (name === 'dn') return splitExtendedDn(entry.dn).dn;
    const values = entry.values.get(name);
    if (values === undefined || values.length === 0) continue;
    const value = valueOf(values, mapped.type, name);
    if (value === undefined) continue;
    // References to other entries: the id of one, where the server tells it along; the names of several.
    if (Array.isArray(value))
      return (value as readonly string[]).map((text) => splitExtendedDn(text).dn).toSorted(byCode);
    return typeof value === 'string' && value.startsWith('<GUID=') ? (splitExtendedDn(value).guid ?? value) : value;
  }
  return undefined;
}

function isOutside(entry: Entry, key: string | undefined, setup: Setup): boolean {
  if (isExcludedOu(key, setup)) return true;
  if (setup.flavor !== 'ad' || setup.mailboxes) return false;
  const [type] = entry.values.get(MAILBOX.toLowerCase()) ?? [];
  return type !== undefined && NO_PERSON.has(type.toString());
}

export function isExcludedOu(key: string | undefined, { excludeOus }: Setup): boolean {
  return key !== undefined && excludeOus.some((ou) => key === ou || key.endsWith(`,${ou}`));
}

/** Does the source itself say that the account is disabled? Throws ValueError when that can't be told. */
export const isDisabled = (entry: Entry, { disabled }: Setup, now: Date): boolean =>
  disabled.some((by) => isDisabledBy(entry, by, now));

function isDisabledBy(entry: Entry, by: DisabledBy, now: Date): boolean {
  const name = attributeOf(by);
  const texts = (entry.values.get(name.toLowerCase()) ?? []).map((value) => textOf(value, name));
  if (typeof by !== 'string') {
    return texts.some((text) => by.values.some((value) => value.toLowerCase() === text.toLowerCase()));
  }
  const [text] = texts;
  switch (by) {
    case 'userAccountControl':
      // Every account has it: who can't read it must not take the disabled for enabled.
      if (text === undefined || !/^-?\d{1,10}$/.test(text))
        throw new ValueError('its userAccountControl can not be read');
      return (Number(text) & ACCOUNT_DISABLED) !== 0;
    case 'accountExpires': {
      const end = text === undefined ? undefined : fileTimeOf(text);
      return end !== undefined && end <= now;
    }
    case 'nsAccountLock':
      return text?.toLowerCase() === 'true';
    case 'pwdAccountLockedTime':
      return text === LOCKED_FOR_GOOD;
    case 'shadowExpire': {
      if (text === undefined) return false;
      if (!/^-?\d{1,7}$/.test(text)) throw new ValueError('its shadowExpire is no number of days');
      return Number(text) >= 0 && Number(text) * DAY <= now.getTime();
    }
  }
}
