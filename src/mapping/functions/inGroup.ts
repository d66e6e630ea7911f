import type { PersonFunction } from './function.ts';

export const inGroup: PersonFunction = {
  name: 'inGroup',
  signature: 'User.inGroup(string, string): bool',
  about:
    "Is the person in this group, directly or through other groups? First the source, then the group's id there; both are literals. What `when` says is found faster; use this inside a larger condition.",
  examples: [
    { expression: 'user.inGroup("okta", "g-7")', groups: ['okta/g-7'], gives: true },
    { expression: 'user.inGroup("okta", "g-8")', groups: ['okta/g-7'], gives: false },
    { expression: '!user.inGroup("okta", "g-7") && user.active', groups: [], user: { active: true }, gives: true },
  ],
  of: ({ groups }, source, id) => groups?.has(`${source}/${id}`) === true,
};
