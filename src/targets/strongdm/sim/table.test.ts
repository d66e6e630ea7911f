import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as assertProperty, constantFrom, nat, oneof, property, record } from 'fast-check';
import { table } from './table.ts';

test('a table does what a plain list does, for any run of puts and deletes', () => {
  const id = constantFrom('a', 'b', 'c', 'd', 'e');
  const step = oneof(record({ put: id, colour: constantFrom('Red', 'blue') }), record({ delete: id }));
  assertProperty(
    property(array(step, { maxLength: 40 }), nat(20), (steps, after) => {
      const real = table<{ colour: string }>({ colour: (item) => [item.colour] });
      let plain: Array<{ seq: number; id: string; item: { colour: string } }> = [];
      for (const [index, one] of steps.entries()) {
        if ('delete' in one) {
          assert.equal(
            real.delete(one.delete),
            plain.some((row) => row.id === one.delete),
          );
          plain = plain.filter((row) => row.id !== one.delete);
          continue;
        }
        const item = { colour: one.colour };
        real.put(one.put, item, index + 1);
        const old = plain.find((row) => row.id === one.put);
        if (old === undefined) plain.push({ seq: index + 1, id: one.put, item });
        else old.item = item;
      }
      const rest = plain.filter((row) => row.seq > after);
      assert.deepEqual([...real.after(after)], rest);
      const red = rest.filter((row) => row.item.colour === 'Red');
      assert.deepEqual([...real.after(after, { index: 'colour', value: 'rED' })], red);
      assert.equal(real.size, plain.length);
      for (const row of plain) assert.equal(real.get(row.id), row.item);
    }),
    { numRuns: 300 },
  );
});
