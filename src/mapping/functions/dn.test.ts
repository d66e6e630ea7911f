import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseDn, sameName } from './dn.ts';
import { underDn } from './underDn.ts';

/** RFC 4514 section 2.4. */
const escaped = (value: string): string =>
  value.replace(/[\\,+"<>;=]|^[ #]| $/g, (c) => `\\${c}`).replaceAll('\0', '\\00');

test('what is escaped comes back, whatever it is', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1, maxLength: 4 }), (values) => {
      fc.pre(values.every((v) => v.trim() === v));
      const dn = parseDn(values.map((v) => `CN=${escaped(v)}`).join(','));
      assert.deepEqual(
        dn?.map((name) => name.map((a) => a.value)),
        values.map((v) => [v]),
      );
    }),
  );
});

test('spellings of one name are the same, and blanks that are escaped belong to it', () => {
  const value = (text: string): string | undefined => parseDn(text)?.[0]?.[0]?.value;
  assert.equal(value('cn=Ann\\ '), 'Ann ');
  assert.equal(value('cn=Ann\\\\ '), 'Ann\\');
  assert.equal(value('cn="Lee, Ann" , dc=x'), 'Lee, Ann');
  assert.equal(parseDn('cn=a;dc=b')?.length, 2);
  assert.equal(parseDn('')?.length, 0);
  for (const bad of ['Ann', 'cn=a,', '=a', 'cn=a\\', 'c n=a']) assert.equal(parseDn(bad), undefined, bad);
  const [a, b] = ['OID.2.5.4.3=X+OU=y  z', 'ou=Y z+2.5.4.3=x'].map((t) => parseDn(t)?.[0] ?? []);
  assert.ok(sameName(a ?? [], b ?? []));
});

test('nobody gets under a base by what is in a value', () => {
  const under = underDn.compile('OU=Admins,DC=example,DC=com');
  fc.assert(
    fc.property(fc.string(), (value) => {
      assert.equal(under(`CN=${escaped(value)},OU=Staff,DC=example,DC=com`), false);
      assert.equal(under(`CN=x,OU=${escaped(`x,OU=Admins,${value}`)},DC=example,DC=com`), false);
    }),
  );
  assert.equal(under('CN=x\\,OU=Admins,DC=example,DC=com'), false);
  assert.equal(under('CN=x, ou = ADMINS ,dc=example,dc=com'), true);
});
