import type { ExtensionRuleAttribute } from '../model/extensions.ts';
import { type AttributeValue } from '../model/facts.ts';
import { foldCase } from '../model/filter.ts';
import type { RecordFields } from '../store/resources.ts';
import { ENTERPRISE_SCHEMA } from './schema/user.ts';
import { isObject, type Resource } from './values.ts';

/**
 * What the store keeps of a user beside the resource: the columns that filters use and the attributes that rules see.
 * `declared` are those of schemas in the settings; one without a value is kept as null, since a record that was written
 * before the declaration says nothing of it.
 */
export function userFields(resource: Resource, declared: readonly ExtensionRuleAttribute[] = []): RecordFields {
  const userName = textOf(resource, 'userName') ?? '';
  const emails = valuesOf(resource, 'emails');
  return {
    resource,
    userName,
    nameKey: foldCase(userName),
    displayName: textOf(resource, 'displayName'),
    externalId: textOf(resource, 'externalId'),
    emails,
    emailKeys: [...new Set(emails.map(foldCase))],
    active: resource['active'] !== false,
    attributes: { ...ruleAttributes(resource, emails), ...declaredAttributes(resource, declared) },
    ...(declared.length === 0 ? {} : { declared: true }),
  };
}

/** The same for a group; rules see groups by id and name only. */
export function groupFields(resource: Resource): RecordFields {
  const displayName = textOf(resource, 'displayName') ?? '';
  return {
    resource,
    userName: undefined,
    nameKey: foldCase(displayName),
    displayName,
    externalId: textOf(resource, 'externalId'),
    emails: [],
    emailKeys: [],
    active: true,
    attributes: {},
  };
}

const CORE_TEXT = [
  'userName',
  'displayName',
  'externalId',
  'nickName',
  'profileUrl',
  'title',
  'userType',
  'preferredLanguage',
  'locale',
  'timezone',
] as const;
const NAME_TEXT = ['givenName', 'familyName', 'middleName'] as const;
const ENTERPRISE_TEXT = ['employeeNumber', 'costCenter', 'organization', 'division', 'department'] as const;

/** The short names of model/attributes.ts; an attribute without a value is left out, which rules read as none. */
function ruleAttributes(resource: Resource, emails: readonly string[]): Record<string, AttributeValue> {
  const name = objectOf(resource, 'name');
  const enterprise = objectOf(resource, ENTERPRISE_SCHEMA);
  const lists = { emails, roles: valuesOf(resource, 'roles'), entitlements: valuesOf(resource, 'entitlements') };
  const texts: Record<string, string | undefined> = {
    ...pickText(resource, CORE_TEXT),
    ...pickText(name, NAME_TEXT),
    ...pickText(enterprise, ENTERPRISE_TEXT),
    email: emails[0],
    manager: textOf(objectOf(enterprise, 'manager'), 'value'),
  };
  const attributes: Record<string, AttributeValue> = { active: resource['active'] !== false };
  for (const [key, value] of Object.entries(texts)) if (value !== undefined && value !== '') attributes[key] = value;
  for (const [key, value] of Object.entries(lists)) if (value.length > 0) attributes[key] = value;
  return attributes;
}

const textOf = (resource: Resource, key: string): string | undefined => {
  const value = resource[key];
  return typeof value === 'string' ? value : undefined;
};

const objectOf = (resource: Resource, key: string): Resource => {
  const value = resource[key];
  return isObject(value) ? value : {};
};

const pickText = (from: Resource, keys: readonly string[]): Record<string, string | undefined> =>
  Object.fromEntries(keys.map((key) => [key, textOf(from, key)]));

/** Values of a multi-valued attribute, the primary one first. */
function valuesOf(resource: Resource, key: string): string[] {
  const elements = Array.isArray(resource[key]) ? (resource[key] as unknown[]).filter(isObject) : [];
  const ordered = [...elements.filter((e) => e['primary'] === true), ...elements.filter((e) => e['primary'] !== true)];
  return [...new Set(ordered.map((e) => e['value']).filter((v) => typeof v === 'string' && v !== '') as string[])];
}

function declaredAttributes(resource: Resource, declared: readonly ExtensionRuleAttribute[]): Record<string, unknown> {
  return Object.fromEntries(declared.map((one) => [one.name, declaredValue(resource, one)]));
}

function declaredValue(resource: Resource, { path, many, type }: ExtensionRuleAttribute): unknown {
  const [urn = '', name = '', sub] = path;
  const value = objectOf(resource, urn)[name];
  if (many) {
    const texts = Array.isArray(value) ? value.map((v) => textIn(isObject(v) ? v[sub ?? 'value'] : v)) : [];
    const known = [...new Set(texts.filter((t) => t !== ''))];
    return known.length === 0 ? null : known;
  }
  const single = sub === undefined ? value : isObject(value) ? value[sub] : undefined;
  if (single === undefined || single === '') return null;
  return type === 'timestamp' ? new Date(String(single)).toISOString() : single;
}

const textIn = (value: unknown): string => (value === undefined || value === null ? '' : String(value));
