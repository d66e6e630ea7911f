import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applied, graphOf, planWorld, record, rulesOf, view, type World } from '../../test/support/planning.ts';
import { itemRole, type LedgerRow, type Observed } from '../model/accounts.ts';

const GROUPS = ['g1', 'g2', 'g3', 'g4'];
const ROLES = ['r1', 'r2', 'r3', 'r4'];
const NOW = new Date('2030-01-01T00:00:00Z');

/** Rules over every kind of condition: groups, nested ones, attributes that may be missing, bounds, denials, aliases. */
const RULES = [
  '  - id: a\n    when: { group: { source: okta, id: g1 } }\n    grant: [ { target: pam, role: r1 } ]\n',
  '  - id: b\n    when: { group: { source: okta, id: g2, nested: false } }\n    grant: [ { target: pam, role: r2 }, { target: pam, role: r1 } ]\n    protected: true\n',
  '  - id: c\n    if: user.department == "SRE"\n    grant: [ { target: pam, role: r3 } ]\n    alias: [ { target: pam, set: linux, username: user.email.localPart() } ]\n',
  '  - id: d\n    if: user.title == "contractor"\n    deny: [ { target: pam, role: "*3" } ]\n',
  '  - id: e\n    when: { group: { source: okta, id: g4 } }\n    grant: [ { target: pam, role: r4, until: user.contractEnd } ]\n',
  '  - id: f\n    when: { group: { source: okta, id: g3 } }\n    if: \'"g1" in user.groups || user.division == "x"\'\n    grant: [ { target: pam, role: r2 } ]\n',
];

const load = (parts: readonly string[]): World['rules'] => {
  const { rules, problems } = rulesOf(`rules:${parts.length === 0 ? ' []' : ''}\n${parts.join('')}`);
  return rules ?? assert.fail(problems.map((p) => p.message).join());
};

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const arbitraryPerson = (anchor: string): fc.Arbitrary<World['people'][number]> =>
  fc
    .record({
      active: fc.boolean(),
      gone: optional(fc.constantFrom('explicit' as const, 'absent' as const)),
      memberOf: fc.subarray(GROUPS),
      department: optional(fc.constantFrom('SRE', 'HR', '')),
      title: optional(fc.constantFrom('contractor', '')),
      contractEnd: optional(fc.constantFrom('2031-01-01T00:00:00Z', '2029-01-01T00:00:00Z')),
      mail: fc.constantFrom(anchor, 'shared'),
      covered: fc.subarray(['department', 'title', 'contractEnd', 'division']),
    })
    .map(({ active, gone, memberOf, mail, covered, ...attributes }) => ({
      id: `p_${anchor}`,
      generation: 0,
      records: [
        record({
          anchor,
          active,
          ...(gone !== undefined && { gone }),
          emails: [`${mail}@example.com`],
          attributes: Object.fromEntries(
            Object.entries(attributes).flatMap(([k, v]) => (v !== undefined && covered.includes(k) ? [[k, v]] : [])),
          ),
          covers: covered,
          memberOf: memberOf.map((g) => `okta/${g}` as const),
        }),
      ],
    }));

const arbitraryWorld: fc.Arbitrary<World> = fc
  .record({
    people: fc.tuple(arbitraryPerson('ann'), arbitraryPerson('bob'), arbitraryPerson('cyd')),
    parents: fc.tuple(...GROUPS.map(() => fc.subarray(GROUPS, { maxLength: 2 }))),
    rules: fc.subarray(RULES),
    had: fc.tuple(
      ...['ann', 'bob', 'cyd'].map(() =>
        fc.record({
          account: fc.constantFrom(
            'none' as const,
            'ours' as const,
            'unconfirmed' as const,
            'gone' as const,
            'marked' as const,
          ),
          owned: fc.subarray(ROLES),
          attached: fc.subarray(ROLES),
          active: fc.boolean(),
          blocked: fc.boolean(),
          privileged: fc.boolean(),
          alias: fc.boolean(),
        }),
      ),
    ),
    present: fc.subarray(ROLES, { minLength: 2 }),
    mode: fc.constantFrom('full' as const, 'add-only' as const, 'observe' as const),
    createRoles: fc.boolean(),
  })
  .map(({ people, parents, rules, had, present, mode, createRoles }) => {
    const accounts: Observed[] = [];
    const ledger: LedgerRow[] = [];
    people.forEach((person, i) => {
      const state = had[i];
      if (state === undefined || state.account === 'none') return;
      const row = { target: 'pam', person: person.id, created: true, plan: 'old', causes: [{ rule: 'old' }] };
      const id = `a-${person.id}`;
      if (state.account !== 'marked') {
        const confirmed = state.account !== 'unconfirmed';
        ledger.push({ ...row, item: 'account', confirmed, objectId: id, ...(state.blocked && { blocked: true }) });
        for (const r of state.owned) ledger.push({ ...row, item: `role:${r}`, confirmed: true, objectId: `r-${r}` });
      }
      if (state.account === 'gone') return;
      accounts.push({
        id,
        profile: { login: `${person.id}@old`, displayName: 'Old' },
        active: state.active,
        roles: new Set(state.attached.filter((r) => present.includes(r)).map((r) => `r-${r}`)),
        aliases: new Set(state.alias ? ['linux=old'] : []),
        mark: person.id,
        ...(state.privileged && { privileged: true }),
      });
    });
    return {
      people,
      graph: graphOf(Object.fromEntries(GROUPS.map((g, i) => [g, parents[i] ?? []]))),
      rules: load(rules),
      target: view({ mode, createRoles }),
      accounts,
      roles: new Map(present.map((r) => [`r-${r}`, r])),
      ledger,
      now: NOW,
    };
  });

const RUNS = { numRuns: 300 };

test('the same situation in another order gives the same hash and the same bases', () => {
  fc.assert(
    fc.property(
      arbitraryWorld,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
      (world, dice) => {
        const shuffle = <T>(list: readonly T[]): T[] =>
          list
            .map((value, i) => ({ value, key: dice[i % dice.length] ?? 0 }))
            .toSorted((a, b) => a.key - b.key)
            .map((x) => x.value);
        const turned: World = {
          ...world,
          people: shuffle(world.people).map((p) => ({
            ...p,
            records: p.records.map((r) => ({ ...r, memberOf: shuffle(r.memberOf) })),
          })),
          graph: {
            names: new Map(shuffle([...world.graph.names])),
            parents: new Map(shuffle([...world.graph.parents]).map(([g, up]) => [g, shuffle(up)])),
          },
          rules: { ...world.rules, rules: shuffle(world.rules.rules) },
          accounts: shuffle(world.accounts.map((a) => ({ ...a, roles: new Set(shuffle([...a.roles])) }))),
          ledger: shuffle(world.ledger),
          roles: new Map(shuffle([...world.roles])),
        };
        const [one, two] = [planWorld(world), planWorld(turned)];
        assert.equal(two.hash, one.hash);
        assert.deepEqual(two.steps, one.steps);
        assert.deepEqual(two.findings, one.findings);
      },
    ),
    RUNS,
  );
});

test('once carried out, there is nothing more to do', () => {
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      const plan = planWorld(world);
      const after = planWorld(applied(world, plan));
      assert.deepEqual(
        after.steps.map((s) => [s.person, s.changes.map((c) => [c.op, c.item])]),
        [],
      );
    }),
    RUNS,
  );
});

test('a leaver or suspended person is given nothing, and a leaver ends blocked and bare', () => {
  const GIVES = new Set(['create', 'update', 'enable', 'grant', 'alias']);
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      const plan = planWorld(world);
      const end = applied(world, plan);
      for (const { person, observed } of plan.inputs) {
        if (person.life === 'active') continue;
        const step = plan.steps.find((s) => s.person === person.id);
        assert.deepEqual(step?.changes.filter((c) => GIVES.has(c.op)) ?? [], []);
        if (observed === undefined || observed.privileged === true || person.life !== 'left') continue;
        const left = end.accounts.find((a) => a.id === observed.id);
        assert.equal(left?.active, false);
        assert.deepEqual([...(left?.roles ?? []), ...(left?.aliases ?? [])], []);
        assert.deepEqual(
          end.ledger.filter((r) => r.person === person.id && r.item !== 'account'),
          [],
        );
      }
    }),
    RUNS,
  );
});

test('nobody but a leaver loses what we did not give, or what could not be decided', () => {
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      const plan = planWorld(world);
      for (const { person, ledger, undecided } of plan.inputs) {
        if (person.life === 'left') continue;
        for (const change of plan.steps.find((s) => s.person === person.id)?.changes ?? []) {
          if (change.op !== 'revoke' && change.op !== 'unalias') continue;
          assert.ok(
            ledger.some((r) => r.item === change.item),
            `${change.item} was not ours`,
          );
          if (person.life === 'active') assert.ok(!undecided.has(change.item), `${change.item} was not decided`);
        }
      }
    }),
    RUNS,
  );
});

test('nothing is planned on an account that is managed by others or an administrator’s', () => {
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      const plan = planWorld(world);
      for (const { person, observed } of plan.inputs) {
        if (observed?.privileged === true) assert.ok(!plan.steps.some((s) => s.person === person.id));
      }
    }),
    RUNS,
  );
});

test('add-only takes nothing from anybody active', () => {
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      const plan = planWorld({ ...world, target: view({ mode: 'add-only' }) });
      const active = new Set(plan.inputs.filter((i) => i.person.life === 'active').map((i) => i.person.id));
      for (const step of plan.steps) {
        if (active.has(step.person))
          assert.ok(step.changes.every((c) => !['revoke', 'unalias', 'block'].includes(c.op)));
      }
    }),
    RUNS,
  );
});

test('two persons never get one login', () => {
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      const made = planWorld(world).steps.flatMap((s) =>
        s.changes.filter((c) => c.op === 'create' || c.op === 'update'),
      );
      const logins = made.map((c) => (c.after as { login: string }).login);
      assert.equal(new Set(logins).size, logins.length);
    }),
    RUNS,
  );
});

test('a leaver: the block comes first, then protected roles, then the others', () => {
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      const plan = planWorld(world);
      for (const { person, protectedRoles } of plan.inputs) {
        if (person.life !== 'left') continue;
        const changes = plan.steps.find((s) => s.person === person.id)?.changes ?? [];
        const ops = changes.filter((c) => c.op !== 'claim');
        const block = ops.findIndex((c) => c.op === 'block');
        assert.ok(block <= 0, 'something comes before the block');
        const guarded = ops
          .filter((c) => c.op === 'revoke')
          .map((c) => protectedRoles?.has(itemRole(c.item) ?? '') === true);
        assert.deepEqual(
          guarded,
          guarded.toSorted((a, b) => Number(b) - Number(a)),
        );
      }
    }),
    RUNS,
  );
});

test('in recovery nothing is given, and taken only from explicit leavers; a leaver loses all as ever', () => {
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      const [usual, recovery] = [planWorld(world), planWorld({ ...world, recovery: true })];
      for (const { person, protectedRoles } of recovery.inputs) {
        const of = (plan: typeof usual) => plan.steps.find((s) => s.person === person.id);
        const changes = of(recovery)?.changes ?? [];
        if (person.life === 'active') assert.deepEqual(changes, []);
        else if (person.life === 'left') assert.deepEqual(changes, of(usual)?.changes ?? []);
        for (const { op, item, evidence } of changes) {
          assert.ok(['claim', 'block', 'endSessions', 'revoke', 'unalias'].includes(op), op);
          if (op !== 'claim') assert.equal(evidence, 'explicit');
          if (person.life === 'suspended' && op === 'revoke')
            assert.ok(protectedRoles?.has(itemRole(item) ?? ''), `${item} is kept until they return`);
        }
        const block = changes.some((c) => c.op === 'block');
        assert.equal(block, person.life !== 'active' && (of(usual)?.changes ?? []).some((c) => c.op === 'block'));
        // A step of the one is not carried out in the other.
        if (of(usual) !== undefined) assert.notEqual(of(recovery)?.basis, of(usual)?.basis);
      }
    }),
    RUNS,
  );
});
