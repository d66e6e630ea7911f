import { createHmac, randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Client, ScimSourceSettings } from './authentication.ts';
import { createRates, type Rate, tooFast } from './rate.ts';

/** Failed authentications of one address: 100 a minute. */
const FAILURES: Rate = { perSecond: 100 / 60, burst: 100 };
const MAX_ADDRESSES = 10_000;
const MAX_TOKENS = 1_000;

export interface Gate {
  /**
   * Who a token stands for. An address with too many failures is refused (429) before the store is asked, unless the
   * token was good a while ago: whoever fails behind the same proxy must not shut out a client that is known.
   */
  authenticate(presented: string, address: string): Promise<Client | undefined>;
  /** Refuses (429) a client that is too fast for its source or its token. Gives headers for the answer. */
  admit(client: Client, settings: ScimSourceSettings): Readonly<Record<string, string>>;
}

/** What keeps strangers and clients in their bounds; its memory is bounded and belongs to one endpoint. */
export function createGate(authenticate: (presented: string) => Promise<Client | undefined>, now?: () => number): Gate {
  const failures = createRates(MAX_ADDRESSES, now);
  const rates = createRates(MAX_TOKENS, now);
  const known = new Set<string>();
  const key = randomBytes(32);
  return {
    async authenticate(presented, address) {
      const from = networkOf(address);
      // Nothing of a token is kept that could be used as one.
      const digest = createHmac('sha256', key).update(presented).digest('base64');
      // Taken before the store is asked, so that many at once are not more than the limit; given back to one that is good.
      const allowance = failures.take(from, FAILURES);
      if (!allowance.allowed && !known.has(digest)) {
        throw tooFast('Too many failed attempts from your address. Wait, then check the token.', allowance);
      }
      const client = await authenticate(presented);
      known.delete(digest);
      if (client === undefined) return undefined;
      if (allowance.allowed) failures.give(from);
      known.add(digest);
      if (known.size > MAX_TOKENS) known.delete(known.values().next().value as string);
      return client;
    },
    admit(client, { id, rateLimit, tokenRateLimit }) {
      const limits = [
        ...(rateLimit === undefined ? [] : [{ ...rates.take(`source/${id}`, rateLimit), what: `source ${id}` }]),
        ...(tokenRateLimit === undefined
          ? []
          : [{ ...rates.take(`token/${client.id}`, tokenRateLimit), what: `the token ${client.name}` }]),
      ];
      const refused = limits.find((limit) => !limit.allowed);
      if (refused !== undefined)
        throw tooFast(`More requests than ${refused.what} may make. Wait, then repeat this one.`, refused);
      return limits.toSorted((a, b) => a.left - b.left)[0]?.headers ?? {};
    },
  };
}

/** The address, of IPv6 the /64: who has one address there has all of them. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0');
  const groups = [...first, ...middle, ...last].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${groups.join(':')}::/64`;
}
