import { addAccess } from './access.ts';
import { addAdoptions } from './adoptions.ts';
import { addUnmanaged } from './unmanaged.ts';
import { addApply } from './apply.ts';
import { addCases } from './cases.ts';
import { addCheck } from './check.ts';
import type { Program } from './command.ts';
import { addDecide } from './decide.ts';
import { addExplain } from './explain.ts';
import { addFreeze } from './freeze.ts';
import { addHolds } from './holds.ts';
import { addJobs } from './jobs.ts';
import { addPause } from './pause.ts';
import { addPeople } from './people.ts';
import { addPlan } from './plan.ts';
import { addRoles } from './roles.ts';
import { addRules } from './rules.ts';
import { addServe } from './serve.ts';
import { addSim } from './sim.ts';
import { addSources } from './sources.ts';
import { addStore } from './store.ts';
import { addTargets } from './targets.ts';
import { addTokens } from './tokens.ts';

/** Every command, in the order of the help. */
export function addCommands(program: Program): void {
  addServe(program);
  addCheck(program);
  addPlan(program);
  addApply(program);
  addDecide(program);
  addHolds(program);
  addPause(program);
  addFreeze(program);
  addExplain(program);
  addAccess(program);
  addRules(program);
  addPeople(program);
  addCases(program);
  addAdoptions(program);
  addUnmanaged(program);
  addJobs(program);
  addTokens(program);
  addSources(program);
  addTargets(program);
  addRoles(program);
  addStore(program);
  addSim(program);
}
