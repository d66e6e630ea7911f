import { strongdm } from './strongdm/index.ts';
import type { TargetKind } from './target.ts';

/** Every kind of target that settings may name as `type`. A new kind is a folder here and a line below. */
export const targetKinds: readonly TargetKind[] = [strongdm];
