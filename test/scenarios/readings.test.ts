/**
 * Runs every `readings/*.yaml`: a directory that misbehaves, read into a real store, planned, guarded and carried out at
 * a target. README.md says how one is written.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadRules } from '../../src/mapping/load.ts';
import { CORE_ATTRIBUTES } from '../../src/model/attributes.ts';
import { Failure } from '../../src/model/failure.ts';
import { GUARD_LIMITS } from '../../src/model/guard.ts';
import type { RuleSet } from '../../src/model/rules.ts';
import { listFindings } from '../../src/store/findings.ts';
import { listHolds } from '../../src/store/holds.ts';
import { noteRetired } from '../../src/store/source-state.ts';
import { type FakeTarget, fakeTarget } from '../support/fake-target.ts';
import { dbTest, settled, start, world } from '../support/jobs.ts';
import { type MemoryDirectory, memoryDirectory } from '../support/memory-directory.ts';
import { reader } from '../support/readings.ts';

const names = z.array(z.string());
const stepSchema = z.strictObject({
  about: z.string(),
  /** What is so at the directory from now on. */
  refuse: z.string().optional(),
  dieBefore: z.number().optional(),
  endAfter: z.number().optional(),
  garbled: names.optional(),
  well: z.literal(true).optional(),
  vanish: names.optional(),
  disable: names.optional(),
  delete: names.optional(),
  part: z.record(z.string(), names).optional(),
  join: z.record(z.string(), names).optional(),
  nameGroup: z.record(z.string(), z.string()).optional(),
  /** Other things that change. */
  retire: z.boolean().optional(),
  rules: z.string().optional(),
  target: z.strictObject({ rename: z.record(z.string(), z.string()).optional(), make: names.optional() }).optional(),
  read: z.enum(['sealed', 'unsealed', 'failed', 'no']).default('no'),
  hours: z.number().default(0),
  expect: z.strictObject({
    has: z.record(z.string(), z.number()),
    blocked: z.number().default(0),
    held: z.record(z.string(), z.number()).default({}),
    findings: z.record(z.string(), z.number()).default({}),
  }),
});
const scenarioSchema = z.strictObject({
  about: z.string(),
  people: z.string(),
  groups: z.record(z.string(), names).default({}),
  rules: z.string(),
  roles: names,
  pageSize: z.number().default(50),
  steps: z.array(stepSchema).min(1),
});
type Step = z.output<typeof stepSchema>;

const FOLDER = join(import.meta.dirname, 'readings');
for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))) {
  const { data, error } = scenarioSchema.safeParse(parse(readFileSync(join(FOLDER, file), 'utf8')));
  dbTest(`${file.replace('.yaml', '')}: ${data?.about ?? 'does not parse'}`, async (db) => {
    assert.ok(data !== undefined, error?.message);
    const directory = memoryDirectory();
    directory.pageSize = data.pageSize;
    for (const id of each([data.people])) directory.person(id);
    for (const [id, members] of Object.entries(data.groups)) directory.group(id, ...each(members));
    const target = fakeTarget('sdm', { roles: data.roles });
    const of = world([target]);
    of.rules = rulesOf(data.rules);
    of.limits = {
      ...GUARD_LIMITS,
      creations: { abs: 100_000, pct: 0, from: 0 },
      protectedGrants: { abs: 100_000, pct: 0, from: 0 },
    };
    const source = reader(db);
    const jobs = await start(db, of, { now: () => source.now });
    try {
      for (const step of data.steps) {
        change(directory, step);
        changeTarget(target, step);
        if (step.rules !== undefined) of.rules = rulesOf(step.rules);
        if (step.retire !== undefined) await noteRetired(db, step.retire ? [] : ['dir'], source.now);
        if (step.read !== 'no') await read(source, directory, step);
        await source.pass(step.hours * 3_600_000);
        if (step.target !== undefined) await jobs.refreshTarget('sdm');
        await jobs.rulesChanged();
        jobs.wake();
        await settled(jobs, db, 60_000);
        const holds = await listHolds(db, { terms: [{ field: 'state', like: 'held' }], limit: 10_000 });
        const findings = await listFindings(db, { limit: 10_000 });
        assert.deepEqual(
          {
            has: attached(target, Object.keys(step.expect.has)),
            blocked: [...target.accounts.values()].filter((account) => !account.active).length,
            held: counts(holds.map(({ op, item }) => `${op} ${item}`)),
            findings: counts(findings.map(({ kind }) => kind)),
          },
          step.expect,
          step.about,
        );
      }
    } finally {
      await jobs.close();
    }
  });
}

function rulesOf(text: string): RuleSet {
  const { rules, problems } = loadRules({
    files: [{ path: 'rules.yaml', text }],
    sources: ['dir'],
    targets: [{ id: 'sdm', type: 'strongdm' }],
    attributes: CORE_ATTRIBUTES,
  });
  return rules ?? assert.fail(problems.map((problem) => problem.message).join());
}

async function read(source: ReturnType<typeof reader>, directory: MemoryDirectory, step: Step): Promise<void> {
  const outcome = await source.try(directory, { full: true });
  const how = 'reading' in outcome ? outcome.reading.state : outcome.outcome;
  assert.equal(how, step.read, step.about);
}

function change(directory: MemoryDirectory, step: Step): void {
  const { refuse, dieBefore, endAfter, garbled } = step;
  if (step.well === true) directory.faults = {};
  if (refuse !== undefined) directory.faults = { refuse: new Failure({ kind: 'retry' }, refuse) };
  if (dieBefore !== undefined) directory.faults = { dieBefore };
  if (endAfter !== undefined) directory.faults = { endAfter };
  if (garbled !== undefined) directory.faults = { garbled };
  for (const id of each(step.vanish ?? [])) directory.vanish(id);
  for (const id of each(step.disable ?? [])) directory.person(id, { active: false });
  for (const id of each(step.delete ?? [])) directory.remove(id);
  for (const [group, members] of Object.entries(step.part ?? {}))
    for (const id of each(members)) directory.part(group, id);
  for (const [group, members] of Object.entries(step.join ?? {})) {
    for (const id of each(members)) directory.join(group, id);
  }
  for (const [group, name] of Object.entries(step.nameGroup ?? {})) directory.nameGroup(group, name);
}

function changeTarget(target: FakeTarget, { target: said }: Step): void {
  for (const [old, name] of Object.entries(said?.rename ?? {})) {
    const role = [...target.roleList.values()].find((r) => r.name === old) ?? assert.fail(`no role ${old}`);
    target.roleList.set(role.id, { ...role, name });
  }
  for (const name of said?.make ?? []) target.roleList.set(`new-${name}`, { id: `new-${name}`, name });
}

/** How many accounts have each role, by the role's id without its prefix. */
function attached(target: FakeTarget, roles: readonly string[]): Record<string, number> {
  const all = [...target.accounts.values()].flatMap(({ roles: held }) => [...held].map((id) => id.replace(/^r-/, '')));
  return { ...Object.fromEntries(roles.map((role) => [role, 0])), ...counts(all) };
}

const counts = (things: readonly string[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(things, (thing) => thing)].map(([thing, of]) => [thing, of.length]));

/** `u1-40` stands for forty. */
function each(all: readonly string[]): string[] {
  return all.flatMap((text) => {
    const [, prefix = '', from, to] = /^([a-z]+)(\d+)-(\d+)$/.exec(text) ?? [];
    if (to === undefined) return [text];
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => `${prefix}${Number(from) + i}`);
  });
}
