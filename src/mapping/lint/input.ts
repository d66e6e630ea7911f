import type { AttributeDeclaration } from '../../model/attributes.ts';
import type { LoadedRule } from '../load/rule.ts';

/** What the lints go by besides the rules. */
export interface LintSettings {
  /** By source: attributes that people can change themselves. */
  readonly selfEditable: ReadonlyMap<string, ReadonlySet<string>>;
  /** Domains whose addresses nobody but the organisation gives out, in lower case. */
  readonly verifiedDomains: readonly string[];
  /** Sources that protected rules may go by; empty: all. */
  readonly trusted: ReadonlySet<string>;
}

export interface LintInput extends LintSettings {
  readonly rules: readonly LoadedRule[];
  readonly attributes: readonly AttributeDeclaration[];
  readonly sources: readonly string[];
}

/** Sources that may decide an attribute that a rule reads. */
export function decidingSources(
  { attributes, sources }: Pick<LintInput, 'attributes' | 'sources'>,
  read: { readonly name: string; readonly source?: string },
): readonly string[] {
  if (read.source !== undefined) return [read.source];
  const declared = attributes.find((a) => a.name === read.name);
  return declared?.precedence ?? declared?.sources ?? sources;
}

/** Does the rule give anything? */
export const gives = ({ rule }: LoadedRule): boolean =>
  rule.grant.length > 0 || rule.account.length > 0 || rule.alias.length > 0;
