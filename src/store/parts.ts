import * as adoptions from './adoptions.ts';
import * as aliases from './aliases.ts';
import * as chain from './chain.ts';
import * as bursts from './leaver-burst.ts';
import * as clock from './clock.ts';
import * as dirty from './dirty.ts';
import * as due from './due.ts';
import * as events from './events.ts';
import * as findings from './findings.ts';
import * as groups from './groups.ts';
import * as guard from './guard.ts';
import * as held from './held-lanes.ts';
import * as holds from './holds.ts';
import * as leases from './lease.ts';
import * as ledger from './ledger.ts';
import * as logins from './logins.ts';
import * as meta from './meta.ts';
import * as observations from './observations.ts';
import * as people from './people.ts';
import * as plans from './plans.ts';
import * as readings from './readings.ts';
import * as retirement from './retire.ts';
import * as ripening from './ripen.ts';
import * as roles from './roles.ts';
import * as idle from './idle.ts';
import * as lanes from './work-list.ts';
import * as sources from './source-state.ts';
import * as targets from './target-state.ts';
import * as rules from './rules.ts';
import * as work from './work.ts';

/** The parts of the store that planning and working are given, so that they depend on their types alone. */
export const storeParts = {
  adoptions,
  aliases,
  chain,
  bursts,
  clock,
  dirty,
  due,
  events,
  findings,
  groups,
  guard,
  held,
  holds,
  idle,
  lanes,
  leases,
  ledger,
  logins,
  meta,
  observations,
  people,
  plans,
  readings,
  retirement,
  ripening,
  roles,
  rules,
  sources,
  targets,
  work,
} as const;

export type StoreParts = typeof storeParts;
