import type { Place, Problem } from '../../model/rules.ts';
import { parseDn } from '../functions/dn.ts';
import type { LintInput } from './input.ts';

const ANYBODY = 'whoever may make or rename a group could otherwise give what the rule gives';

/** Groups that are meant by a name, or by a DN: both change, and come to mean another group. */
export function groupsByName({ rules }: LintInput): Problem[] {
  const found: Problem[] = [];
  const warn = (place: Place, message: string, remedy: string): void =>
    void found.push({ severity: 'warning', place, message, remedy });
  for (const { rule, condition } of rules) {
    const group = rule.when?.group;
    if (group !== undefined && group.id === undefined && group.name !== undefined) {
      warn(group.place, `rule ${rule.id} knows its group by name alone`, `add the \`id\`: ${ANYBODY}`);
    }
    if (group?.id !== undefined && isDn(group.id)) {
      const remedy = 'use the id that never changes, such as objectGUID or entryUUID';
      warn(group.place, `rule ${rule.id} knows its group by a DN, which changes when the group is moved`, remedy);
    }
    if (condition === undefined) continue;
    const { groupNames, anyGroup } = condition.facts;
    if (groupNames.length > 0 || anyGroup) {
      const names = groupNames.length > 0 ? ` (${groupNames.join(', ')})` : '';
      const remedy = `use \`when\` or user.inGroup("<source>", "<id>"): ${ANYBODY}`;
      warn(
        condition.expression.place,
        `\`if\` of rule ${rule.id} goes by names of groups${names} at any source`,
        remedy,
      );
    }
  }
  return found;
}

const isDn = (id: string): boolean => (parseDn(id)?.length ?? 0) >= 2;
