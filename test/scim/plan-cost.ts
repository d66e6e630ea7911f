import type { Db, Statement } from '../../src/store/db.ts';

/** A node of what PostgreSQL did for a statement. */
interface PlanNode {
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Carries a statement out and gives its plan with what each node really did. */
export async function planOf(db: Db, { text, values }: Statement): Promise<PlanNode> {
  const [row] = await db.rows<{ 'QUERY PLAN': Array<{ Plan: PlanNode }> }>({
    text: `explain (analyze, format json) ${text}`,
    ...(values === undefined ? {} : { values }),
  });
  return row?.['QUERY PLAN'][0]?.Plan as PlanNode;
}

/** Rows that a plan touched: those it gave on and those it read in vain. */
export const touched = (plan: PlanNode): number =>
  (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops'] +
  (plan.Plans ?? []).reduce((sum, p) => sum + touched(p), 0);
