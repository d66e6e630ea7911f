import { domain } from './domain.ts';
import type { PatternFunction, ValueFunction } from './function.ts';
import { localPart } from './localPart.ts';
import { lowerAscii } from './lowerAscii.ts';
import { reCapture } from './reCapture.ts';
import { reMatch } from './reMatch.ts';
import { replace } from './replace.ts';
import { stripDiacritics } from './stripDiacritics.ts';
import { upperAscii } from './upperAscii.ts';

export type { PatternFunction, ValueFunction } from './function.ts';

/** Every helper that we add to CEL's own, or put in the place of one of those. */
export const RULE_FUNCTIONS: ReadonlyArray<ValueFunction | PatternFunction> = [
  domain,
  localPart,
  lowerAscii,
  reCapture,
  reMatch,
  replace,
  stripDiacritics,
  upperAscii,
];
