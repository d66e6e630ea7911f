import type { Random } from './random.ts';
import { ENTERPRISE, HR, json, text } from './values.ts';

/** No JSON, or none that anybody would send. */
export function rawBody(r: Random): string | Buffer {
  const kind = r.below(8);
  if (kind === 0) return Buffer.from(Array.from({ length: r.below(2_000) }, () => r.below(256)));
  if (kind === 1) return '['.repeat(r.below(100_000));
  if (kind === 2) return `${'{"a":'.repeat(r.below(5_000))}1`;
  if (kind === 3) return 'x'.repeat(r.below(1_500_000));
  if (kind === 4) return '';
  if (kind === 5)
    return `{"userName":"a","userName":"b","__proto__":{"active":false},"x":${'1'.repeat(r.below(5_000))}}`;
  if (kind === 6) return `\ufeff{"userName":"bom"}`;
  return r.pick(['null', 'true', '1', '"x"', '[]', '{}', '{]', 'NaN']);
}

const PLURALS = [
  'emails',
  'phoneNumbers',
  'ims',
  'photos',
  'addresses',
  'entitlements',
  'roles',
  'x509Certificates',
  'groups',
];
const SINGLES = [
  'displayName',
  'externalId',
  'nickName',
  'profileUrl',
  'title',
  'userType',
  'locale',
  'timezone',
  'password',
  'id',
  'meta',
  'schemas',
];

/** A user or a group, right in most parts. */
export function resourceBody(r: Random, place: string, ids: readonly string[]): unknown {
  const body: Record<string, unknown> = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'] };
  if (place.toLowerCase() === 'groups') {
    body['displayName'] = text(r);
    if (r.chance(0.5))
      body['members'] = Array.from({ length: r.below(6) }, () => ({ value: r.pick([...ids, text(r)]) }));
    if (r.chance(0.1)) body['members'] = json(r, 3);
  } else {
    body['userName'] = r.chance(0.7) ? `u${r.below(100_000)}` : text(r);
    if (r.chance(0.4)) body['name'] = { givenName: text(r), familyName: text(r) };
    if (r.chance(0.4)) body['active'] = r.pick([true, false, 'True', 'False', 1, null, 'x']);
    if (r.chance(0.5)) body[ENTERPRISE] = { department: text(r), manager: r.pick([{ value: 'x' }, 'x', ['x'], null]) };
    if (r.chance(0.3)) {
      body[HR] = {
        level: r.pick([1, '2', 1.5, 'x']),
        end: r.pick(['2026-01-01', '2026-02-30', 'x', 1]),
        tags: json(r, 1),
        badge: json(r, 2),
      };
    }
  }
  for (let i = r.below(4); i > 0; i--) {
    const name = r.pick(PLURALS);
    body[name] = r.chance(0.8)
      ? Array.from({ length: r.below(r.chance(0.02) ? 3_000 : 4) }, () => ({
          value: text(r),
          type: r.pick(['work', 'home', text(r)]),
          primary: r.chance(0.3),
        }))
      : json(r, 3);
  }
  for (let i = r.below(4); i > 0; i--) body[r.pick(SINGLES)] = r.chance(0.8) ? text(r) : json(r, 2);
  if (r.chance(0.05)) body[text(r)] = json(r, 3);
  return body;
}
