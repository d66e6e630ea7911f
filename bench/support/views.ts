import type { Views } from '../../src/jobs/deps.ts';
import { createEngine } from '../../src/mapping/engine.ts';
import { loadRules } from '../../src/mapping/load.ts';
import { compileProfile } from '../../src/mapping/profile.ts';
import { CORE_ATTRIBUTES } from '../../src/model/attributes.ts';
import { GUARD_LIMITS } from '../../src/model/guard.ts';
import type { Mode } from '../../src/model/plan.ts';
import { CAN } from './instant-target.ts';
import { SOURCE } from './people.ts';

const PROFILE = {
  login: 'has(user.email) || !user.userName.contains("@") ? user.email : user.userName',
  firstName: 'user.givenName',
  lastName: 'user.familyName',
  displayName: 'user.displayName',
};

/** Rules, as YAML, and targets of one mode, compiled as the service does it. */
export function viewsOf(targets: readonly string[], yaml: string, mode: Mode = 'full'): Views {
  const engine = createEngine(CORE_ATTRIBUTES);
  const loaded = loadRules({
    files: [{ path: 'rules.yaml', text: yaml }],
    sources: [SOURCE],
    targets: targets.map((id) => ({ id, type: 'strongdm' })),
    attributes: CORE_ATTRIBUTES,
  });
  const views = targets.map((id) => {
    const { template, problems } = compileProfile({
      target: id,
      templates: PROFILE,
      attributes: CORE_ATTRIBUTES,
      engine,
    });
    if (template === undefined) throw new Error(problems.map((problem) => problem.message).join('; '));
    return { id, mode, can: CAN, createRoles: false, profile: template };
  });
  if (loaded.rules === undefined) throw new Error(loaded.problems.map((problem) => problem.message).join('; '));
  // A bench fills a target at once, as nobody means it elsewhere.
  return { rules: loaded.rules, targets: views, guard: { limits: GUARD_LIMITS, rehearsals: new Set(targets) } };
}
