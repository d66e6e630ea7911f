import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan } from '../model/plan.ts';
import { makePlan } from './plan.ts';
import { renderMarkdown, renderPlan } from './render.ts';

const path = [
  { id: 'okta/1', name: 'SRE' },
  { id: 'okta/2', name: 'Engineering' },
] as const;
const PLAN: Plan = makePlan(
  [
    {
      target: 'strongdm',
      person: 'p_2',
      basis: 'b',
      changes: [
        { op: 'block', item: 'account', causes: [], evidence: 'explicit', risk: 'high' },
        {
          op: 'revoke',
          item: 'role:db',
          before: { role: 'db' },
          causes: [{ rule: 'dbas' }],
          evidence: 'removed',
          risk: 'medium',
        },
      ],
    },
    {
      target: 'strongdm',
      person: 'p_1',
      basis: 'b',
      changes: [
        {
          op: 'create',
          item: 'account',
          after: { login: 'ann@example.com' },
          causes: [{ rule: 'sre', path }],
          risk: 'low',
        },
        {
          op: 'grant',
          item: 'role:prod',
          after: { role: 'prod' },
          until: '2030-01-01T00:00:00.000Z',
          causes: [{ rule: 'sre', path }],
          risk: 'low',
        },
        {
          op: 'update',
          item: 'account',
          before: { login: 'a', email: 'x' },
          after: { login: 'b', email: 'x' },
          causes: [],
          risk: 'low',
        },
      ],
    },
  ],
  [
    {
      kind: 'role-missing',
      person: 'p_1',
      target: 'strongdm',
      object: 'role:x',
      message: 'the target has no role x',
      remedy: 'make it there',
    },
  ],
  [
    {
      id: 'h_0123456789abcdef',
      target: 'strongdm',
      person: 'p_2',
      item: 'role:db',
      op: 'revoke',
      basis: 'b',
      because: 'more than the budget',
      change: { op: 'revoke', item: 'role:db', evidence: 'removed', causes: [{ rule: 'dbas' }], risk: 'medium' },
    },
  ],
);
const lookup = { person: (id: string): string | undefined => (id === 'p_1' ? 'Ann Lee' : undefined) };

test('a plan reads by person, one line a change, with the reason', () => {
  assert.equal(
    renderPlan(PLAN, lookup),
    `Plan ${PLAN.hash.slice(0, 12)}: 2 people, 5 changes: 1 block, 1 create, 1 grant, 1 revoke, 1 update; 1 held for
approval

Ann Lee (p_1)
  at strongdm
    + create account ann@example.com  (by rule sre, in SRE > Engineering)
    + grant role prod until 2030-01-01T00:00:00.000Z (the role is made, too)
      (by rule sre, in SRE > Engineering)
    ~ update account: login "a" -> "b"

p_2
  at strongdm
    ! block sign-in  (disabled or deleted at the source)
    - revoke role db  (no rule wants it any more; was by rule dbas)

Held for approval
  1: more than the budget
    - revoke role db of p_2 at strongdm  h_0123456789abcdef

Could not be planned
  ? role-missing for Ann Lee (p_1) at strongdm: the target has no role x — make it there
`,
  );
});

test('an empty plan says so', () => {
  assert.match(renderPlan(makePlan([], [], [])), /^Plan [0-9a-f]{12}: nothing to do\n$/);
  assert.match(renderMarkdown(makePlan([], [], [])), /nothing to do/);
});

test('no line is wider than 100 characters, and nothing is lost', () => {
  const long = Array.from({ length: 40 }, (_, i) => `word${i}`).join(' ');
  const grant = {
    op: 'grant' as const,
    item: `role:${long}` as const,
    causes: [{ rule: 'r', path: [{ id: 'okta/1' as const, name: 'n'.repeat(250) }] }],
    risk: 'low' as const,
  };
  const text = renderPlan(makePlan([{ target: 't', person: 'p', basis: 'b', changes: [grant] }], [], []));
  for (const line of text.split('\n')) assert.ok(line.length <= 100, line);
  assert.ok(text.replace(/\s+/g, ' ').includes(long));
  assert.equal(
    text
      .match(/n+/g)
      ?.filter((m) => m.length > 20)
      .join('').length,
    250,
  );
});

test('names can neither steer a terminal nor write markup', () => {
  const evil = { person: (): string => 'Ann\u001b[2J\u202e\n**bold** <img>' };
  const text = renderPlan(PLAN, evil);
  for (const forbidden of ['\u001b', '\u202e', '\n**']) assert.ok(!text.includes(forbidden));
  const markdown = renderMarkdown(PLAN, evil);
  assert.ok(markdown.includes('\\*\\*bold\\*\\* \\<img\\>'));
  assert.ok(markdown.includes(`Hash: \`${PLAN.hash}\``));
  assert.ok(markdown.includes('- **`-`** revoke role db'));
});

test('of a plan for many, some people are shown, and what it comes to in all', () => {
  const whole = {
    persons: 1_200,
    tally: [
      { target: 'strongdm', op: 'grant', item: 'role:prod', n: 1_200 },
      { target: 'strongdm', op: 'block', item: 'account', n: 3 },
    ],
  } as const;
  const text = renderPlan(PLAN, {}, whole);
  assert.match(text, /^Plan [0-9a-f]{12}: 1200 people, 1203 changes: 3 block, 1200 grant/);
  assert.match(text, /In all\n {2}\+ 1200 × grant role:prod at strongdm\n {2}! 3 × block account at strongdm\n/);
  assert.match(text, /and 1198 more people\. With --limit 1200 they are shown/);
  assert.ok(
    text.split('\n').every((line) => line.length <= 100),
    text,
  );
  assert.match(renderMarkdown(PLAN, {}, whole), /## In all\n\n- \*\*`\+`\*\* 1200 × grant role:prod at strongdm\n/);
});
