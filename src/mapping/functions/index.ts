import { daysSince } from './daysSince.ts';
import { domain } from './domain.ts';
import type { AnyFunction } from './function.ts';
import { inGroup } from './inGroup.ts';
import { localPart } from './localPart.ts';
import { lowerAscii } from './lowerAscii.ts';
import { rdn } from './rdn.ts';
import { reCapture } from './reCapture.ts';
import { reMatch } from './reMatch.ts';
import { replace } from './replace.ts';
import { stripDiacritics } from './stripDiacritics.ts';
import { underDn } from './underDn.ts';
import { upperAscii } from './upperAscii.ts';

export type { AnyFunction, PatternFunction, PersonFunction, ValueFunction } from './function.ts';

/** Every helper that we add to CEL's own, or put in the place of one of those. */
export const RULE_FUNCTIONS: readonly AnyFunction[] = [
  daysSince,
  domain,
  inGroup,
  localPart,
  lowerAscii,
  rdn,
  reCapture,
  reMatch,
  replace,
  stripDiacritics,
  underDn,
  upperAscii,
];
