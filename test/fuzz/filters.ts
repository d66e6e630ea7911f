import type { Random } from './random.ts';
import { ENTERPRISE, HR, text } from './values.ts';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User';
const NAMES = [
  'userName',
  'id',
  'externalId',
  'displayName',
  'active',
  'name',
  'name.givenName',
  'name.formatted',
  'title',
  'emails',
  'emails.value',
  'emails.primary',
  'emails.type',
  'phoneNumbers',
  'addresses.country',
  'groups',
  'groups.value',
  'members',
  'members.value',
  'members.type',
  'members.$ref',
  'roles',
  'entitlements.value',
  'x509Certificates.value',
  'meta',
  'meta.created',
  'meta.lastModified',
  'meta.resourceType',
  'meta.version',
  'schemas',
  'password',
  'manager',
  `${ENTERPRISE}:department`,
  `${ENTERPRISE}:manager.value`,
  `${ENTERPRISE}:manager`,
  ENTERPRISE,
  `${CORE}:userName`,
  CORE,
  `${HR}:level`,
  `${HR}:end`,
  `${HR}:tags`,
  `${HR}:sites.value`,
  `${HR}:badge.floor`,
  HR,
  'urn:x:y:z',
  '__proto__',
  'constructor.prototype',
  'toString',
  'hasOwnProperty',
  'nothing',
  'a.b.c',
  '',
];
const OPS = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le', 'EQ', 'Co', 'xx'];

const attribute = (r: Random): string => {
  const name = r.pick(NAMES);
  return r.chance(0.1) ? name.toUpperCase() : r.chance(0.02) ? text(r) : name;
};

const value = (r: Random): string =>
  r.chance(0.6)
    ? JSON.stringify(text(r).slice(0, 200))
    : r.pick([
        'true',
        'false',
        'null',
        '1',
        '-3.5',
        '"2026-01-01T00:00:00Z"',
        '"2026-99-01T00:00:00Z"',
        '"True"',
        'x',
        '"\\',
        '',
        '1e9',
      ]);

/** Mostly a filter by the grammar, sometimes a broken one. */
export function filterText(r: Random, depth = 0): string {
  const filter = build(r, depth);
  if (!r.chance(0.15)) return filter;
  const at = r.below(filter.length + 1);
  return `${filter.slice(0, at)}${r.pick(['(', ')', '[', ']', '"', '\\', ' and ', ' or not ', '\0', '%', ''])}${filter.slice(at + r.below(5))}`;
}

function build(r: Random, depth: number): string {
  const kind = r.next();
  if (depth > 5 || kind < 0.55) return `${attribute(r)} ${r.pick(OPS)} ${value(r)}`;
  if (kind < 0.62) return `${attribute(r)} pr`;
  if (kind < 0.72) return `${attribute(r)}[${build(r, depth + 1)}]${r.chance(0.2) ? `.value eq ${value(r)}` : ''}`;
  if (kind < 0.8) return `not (${build(r, depth + 1)})`;
  if (kind < 0.82) return '('.repeat(r.below(40)) + build(r, depth + 1) + ')'.repeat(r.below(40));
  const parts = Array.from({ length: 2 + r.below(r.chance(0.05) ? 120 : 3) }, () => build(r, depth + 2));
  return parts.join(r.pick([' and ', ' or ', ' AND ']));
}

/** A path of a PATCH operation, or the name of an attribute. */
export function pathText(r: Random): string {
  if (r.chance(0.25)) {
    const sub = r.chance(0.6) ? `.${r.pick(['value', 'type', 'primary', 'display', '$ref', 'nothing'])}` : '';
    return `${attribute(r)}[${build(r, 4)}]${sub}`;
  }
  return attribute(r);
}
