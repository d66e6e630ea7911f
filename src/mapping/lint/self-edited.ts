import type { Problem } from '../../model/rules.ts';
import { decidingSources, gives, type LintInput } from './input.ts';

/** Protected roles that people could give themselves, by changing their own profile. */
export function selfEdited(input: LintInput): Problem[] {
  const { rules, selfEditable } = input;
  return rules
    .filter((r) => r.rule.protected && gives(r))
    .flatMap(({ rule, condition }) =>
      (condition?.facts.reads ?? []).flatMap((read): Problem[] => {
        const open = decidingSources(input, read).filter((source) => selfEditable.get(source)?.has(read.name) === true);
        if (open.length === 0 || condition === undefined) return [];
        return [
          {
            severity: 'warning',
            place: condition.expression.place,
            message: `protected rule ${rule.id} goes by user.${read.name}, which people can change themselves at ${open.join(', ')}`,
            remedy:
              'go by a group, or by what only administrators set; selfEditable of the source says what people can change',
          },
        ];
      }),
    );
}
