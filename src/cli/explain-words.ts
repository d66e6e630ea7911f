import type { Cause } from '../model/accounts.ts';
import type { GroupPath } from '../model/person.ts';

/** `Night shift → DBA` */
export const pathText = (path: GroupPath): string => path.map((step) => step.name).join(' → ');

/** Why something is wanted, in one line. */
export function causeText({ rule, record, path }: Cause): string {
  const from = record === undefined ? '' : `, record ${record.source}/${record.anchor}`;
  return `by rule ${rule}${path === undefined ? '' : `, group ${pathText(path)}`}${from}`;
}
