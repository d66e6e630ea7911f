import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as say from '../../../../test/support/ldap/messages.ts';
import { BerError, BerReader, integer, octets } from './ber.ts';
import { encodeFilter, FilterError, filterValue } from './filter.ts';
import { Frames } from './frames.ts';
import { decodeEntry, decodeMessage, decodeResult, OP } from './messages.ts';

const LIMIT = 1 << 20;

const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b)),
);
const anEntry = fc.record({
  dn: fc.string({ unit: 'binary', maxLength: 200 }),
  values: fc.dictionary(fc.stringMatching(/^[a-z]{1,12}$/), fc.array(value, { maxLength: 5 }), {
    maxKeys: 6,
    noNullPrototype: true,
  }),
});

/** Cuts bytes where it is told. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((n) => n % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : places[i - 1], end));
}

const plain = (frame: Buffer): unknown => {
  const { dn, values } = decodeEntry(decodeMessage(frame));
  return {
    dn,
    values: Object.fromEntries([...values].map(([name, list]) => [name, list.map((b) => b.toString('hex'))])),
  };
};

test('however a stream is cut into pieces, the same entries come out of it, and they are those that went in', () => {
  fc.assert(
    fc.property(fc.array(anEntry, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (entries, places) => {
      const bytes = Buffer.concat(entries.map(({ dn, values }, i) => say.entry(i + 1, dn, values)));
      const frames = new Frames(LIMIT);
      const found = cut(bytes, places).flatMap((piece) => frames.push(Buffer.from(piece)));
      assert.equal(frames.pending, 0);
      assert.deepEqual(
        found.map(plain),
        entries.map(({ dn, values }) => ({
          dn: Buffer.from(dn).toString(),
          values: Object.fromEntries(
            Object.entries(values).map(([name, list]) => [
              name,
              list.map((v) => Buffer.from(v as string).toString('hex')),
            ]),
          ),
        })),
      );
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('byte by byte is a way to cut too', () => {
  const bytes = Buffer.concat([say.entry(1, 'cn=a', { a: ['x'.repeat(70_000), 'y'] }), say.done(1, { cookie: 'c' })]);
  const frames = new Frames(LIMIT);
  const found = [...bytes].flatMap((byte) => frames.push(Buffer.from([byte])));
  assert.equal(found.length, 2);
  assert.equal(decodeEntry(decodeMessage(found[0] as Buffer)).values.get('a')?.[0]?.length, 70_000);
});

/** Takes everything apart that a message may be. */
function decodeAll(frame: Buffer): void {
  const message = decodeMessage(frame);
  if (message.operation === OP.searchEntry) decodeEntry(message);
  else decodeResult(message);
}

test('bytes that are no LDAP give an error that says so, or are only not yet a message', () => {
  const valid = [
    say.entry(7, 'cn=Ann,dc=example', { cn: ['Ann'], member: ['cn=a', 'cn=b'] }),
    say.done(7, { code: 10, referrals: ['ldap://x'], text: 'no', cookie: 'abc' }),
    say.bound(1, { code: 49, text: 'data 52e' }),
  ];
  const change = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(
      fc.constantFrom(...valid),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.nat(),
      (bytes, changes, end) => {
        const bad = Buffer.from(bytes.subarray(0, end % (bytes.length + 1)));
        for (const { at, to } of changes) if (bad.length > 0) bad[at % bad.length] = to;
        try {
          new Frames(LIMIT).push(bad).forEach(decodeAll);
        } catch (error) {
          assert.ok(error instanceof BerError, String(error));
          assert.ok(error.message.length > 10);
        }
      },
    ),
    { seed: 2, numRuns: 3_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        new Frames(LIMIT).push(Buffer.from(bytes)).forEach(decodeAll);
      } catch (error) {
        assert.ok(error instanceof BerError, String(error));
      }
    }),
    { seed: 3, numRuns: 2_000 },
  );
});

test('what is wrong with bytes is said', () => {
  const wrong = (hex: string, pattern: RegExp): void =>
    assert.throws(
      () => new Frames(LIMIT).push(Buffer.from(hex, 'hex')).forEach(decodeAll),
      (error) => error instanceof BerError && pattern.test(error.message),
    );
  wrong(Buffer.from('HTTP/1.1 400').toString('hex'), /begins with "H": this is no LDAP/);
  wrong('1503010002', /begins with the byte 0x15/);
  wrong('3080', /length of 0 bytes/);
  wrong('308488888888', /says it has 2290649230 bytes; the limit is 1048576/);
  wrong('30050201016400', /the name of an entry should have the tag 0x04, and is missing/);
  wrong('300702010164027f05', /should have the tag 0x04, not 0x7f/);
  wrong('3009020101640404050041', /says 5 bytes, and 2 are left/);
  wrong('30020100', /the id of a message should have the tag 0x02/);
});

test('numbers are as short as they can be, and read back the same', () => {
  assert.equal(integer(0).toString('hex'), '020100');
  assert.equal(integer(127).toString('hex'), '02017f');
  assert.equal(integer(128).toString('hex'), '02020080');
  assert.equal(integer(-1).toString('hex'), '0201ff');
  assert.equal(integer(-129).toString('hex'), '0202ff7f');
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (n) =>
      assert.equal(new BerReader(integer(n)).integer('n'), n),
    ),
    { seed: 4 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000, size: 'max' }), (bytes) =>
      assert.ok(new BerReader(octets(Buffer.from(bytes))).octets('v').equals(Buffer.from(bytes))),
    ),
    { seed: 5, numRuns: 30 },
  );
});

test('filters become the bytes of RFC 4511', () => {
  const bytes = (text: string): string => encodeFilter(text).toString('hex');
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  assert.equal(bytes('(cn=ann)'), `a3090402${hex('cn')}0403${hex('ann')}`);
  assert.equal(bytes('(cn=*)'), `8702${hex('cn')}`);
  assert.equal(bytes('(!(cn=*))'), `a2048702${hex('cn')}`);
  assert.equal(
    bytes('(&(a=1)(b>=2)(c<=3)(d~=4))'),
    `a020a3060401610401 31a506040162040132a606040163040133a806040164040134`.replaceAll(' ', ''),
  );
  assert.equal(bytes('(&)'), 'a000');
  assert.equal(bytes('(cn=a*b*c)'), `a40f0402${hex('cn')}3009800161810162820163`);
  assert.equal(bytes('(cn=*b*)'), `a4090402${hex('cn')}3003810162`);
  assert.equal(bytes('(g=\\ee\\93\\00)'), 'a308040167 0403ee9300'.replaceAll(' ', ''));
  assert.equal(bytes('(cn=ü)'), bytes('(cn=\\c3\\bc)'));
  assert.equal(bytes('(u:1.2.3:=2)'), `a90d8105${hex('1.2.3')}820175830132`);
  assert.equal(bytes('(ou:dn:=x)'), `a90a8202${hex('ou')}8301788401ff`);
});

test('a filter that is none is refused with the place', () => {
  const wrong = (text: string, pattern: RegExp): void =>
    assert.throws(
      () => encodeFilter(text),
      (error) => error instanceof FilterError && pattern.test(error.message),
    );
  wrong('', /begins with "\(", and here is the end \(at character 1\)/);
  wrong('cn=a', /begins with "\(", not "c" \(at character 1\)/);
  wrong('(cn=a', /ends with "\)", and here is the end \(at character 6\)/);
  wrong('(cn=a))', /more behind the last bracket \(at character 7\)/);
  wrong('(&(cn=a)(b))', /a comparison .* \(at character 10\)/);
  wrong('(c n=a)', /"c n" is no name of an attribute/);
  wrong('(cn=\\zz)', /two hexadecimal digits are expected \(at character 5\)/);
  wrong('(cn=**)', /nothing between the stars/);
  wrong(`${'(!'.repeat(60)}(a=b)${')'.repeat(60)}`, /more than 50 filters in one another/);
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      try {
        encodeFilter(text);
      } catch (error) {
        assert.ok(error instanceof FilterError, String(error));
      }
    }),
    { seed: 6, numRuns: 1_000 },
  );
});

test('every value can be put into a filter', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array().map((b) => Buffer.from(b)),
      ),
      (v) => {
        const filter = new BerReader(encodeFilter(`(a=${filterValue(v)})`));
        const tag = filter.peek() as number;
        if (v.length === 0) return;
        const inner = filter.enter(tag, 'filter');
        inner.octets('name');
        assert.ok(inner.octets('value').equals(Buffer.from(v as string)));
      },
    ),
    { seed: 7 },
  );
});
