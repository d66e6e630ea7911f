import type { Problem } from '../../model/rules.ts';
import { gives, type LintInput } from './input.ts';

/** Rules that give something by an e-mail address of a domain that nobody vouches for. */
export function emailDomains({ rules, verifiedDomains }: LintInput): Problem[] {
  return rules.filter(gives).flatMap(({ rule, condition }): Problem[] => {
    if (condition === undefined) return [];
    const open = new Set(condition.facts.emails.map(domainOf).filter((d) => d === '' || !verifiedDomains.includes(d)));
    if (open.size === 0) return [];
    const named = [...open].map((d) => (d === '' ? 'any domain' : d)).join(', ');
    return [
      {
        severity: 'warning',
        place: condition.expression.place,
        message: `rule ${rule.id} goes by e-mail addresses of ${named}: not listed as verified`,
        remedy: 'go by a group; or list the domain in verifiedDomains, if nobody else can have an address there',
      },
    ];
  });
}

/** Of an address, or of what an address is held against. Empty: a part that says nothing of the domain. */
function domainOf(text: string): string {
  const domain = text.slice(text.lastIndexOf('@') + 1).toLowerCase();
  return text.includes('@') || /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain) ? domain : '';
}
