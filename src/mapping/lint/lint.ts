import type { Problem } from '../../model/rules.ts';
import { emailDomains } from './emails.ts';
import { groupsByName } from './groups.ts';
import type { LintInput } from './input.ts';
import { overlaps } from './overlaps.ts';
import { selfEdited } from './self-edited.ts';
import { untrusted } from './trusted.ts';
import { unreachable } from './unreachable.ts';

/** What is sound and probably not meant, or dangerous. Problems with their place, without excerpt. */
export function lint(input: LintInput): Problem[] {
  return [
    ...groupsByName(input),
    ...selfEdited(input),
    ...untrusted(input),
    ...emailDomains(input),
    ...unreachable(input),
    ...overlaps(input),
  ];
}
