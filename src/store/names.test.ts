import assert from 'node:assert/strict';
import { addUser } from '../../test/support/command-line.ts';
import { dbTest } from '../../test/support/jobs.ts';
import { buildPerson } from '../mapping/people.ts';
import { groupsAbove } from './groups.ts';
import { listPeople } from './people-list.ts';
import { loadPeople } from './people.ts';

dbTest('the name to read is displayName, else name.formatted, else given and family name, everywhere', async (db) => {
  const name = { formatted: 'Dr Ann Example', givenName: 'Ann', familyName: 'Example' };
  const more = {
    a: { displayName: 'Ann E.', name },
    b: { displayName: undefined, name },
    c: { displayName: '', name: { ...name, formatted: '' } },
    d: { displayName: undefined, name: { givenName: 'Ann' } },
    e: { displayName: undefined, name: { familyName: 'Example' } },
    f: { displayName: undefined, name: undefined },
  };
  for (const [userName, resource] of Object.entries(more)) await addUser(db, 'okta', userName, resource);
  const listed = await listPeople(db, { terms: [], limit: 10 });
  const names = ['Ann E.', 'Dr Ann Example', 'Ann Example', 'Ann', 'Example', null];
  assert.deepEqual(
    listed.map((p) => p.displayName),
    names,
  );

  // Plans and explanations are made of these.
  const ids = listed.map((p) => p.id);
  const graph = await groupsAbove(db, ids);
  const people = (await loadPeople(db, ids)).map((stored) => buildPerson(stored, graph));
  for (const [index, id] of ids.entries()) {
    const person = people.find((p) => p.id === id);
    assert.equal(person?.displayName, names[index] ?? 'f');
    assert.equal(person?.attributes['displayName'], names[index] ?? undefined);
  }
  const found = await listPeople(db, { terms: [{ field: 'name', like: 'ann example' }], limit: 10 });
  assert.deepEqual(
    found.map((p) => p.userName),
    ['c'],
  );
});
