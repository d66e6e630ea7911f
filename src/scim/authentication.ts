import type { Declared } from './available.ts';
import { ScimError } from './errors.ts';
import type { Rate } from './rate.ts';
import type { ResourceType } from './schema/types.ts';

/** Who a token stands for. */
export interface Client {
  readonly id: string;
  readonly name: string;
  readonly source: string;
}

/** What is configured for a source of type scim. */
export interface ScimSourceSettings {
  readonly id: string;
  /** False: paging by cursor is neither announced nor served. */
  readonly pagination?: boolean;
  /** Roles and entitlements that clients may assign, beside those that users have already. */
  readonly declared?: Declared;
  /** Users and Groups with the schemas that are declared for the source; without them the standard ones. */
  readonly types?: readonly ResourceType[];
  /** Most requests of the source as a whole, and of each of its tokens; without one there is no limit. */
  readonly rateLimit?: Rate;
  readonly tokenRateLimit?: Rate;
}

const MAX_TOKEN_LENGTH = 4096;

const unauthorized = (message: string, error: string): ScimError =>
  new ScimError(401, message, { headers: { 'www-authenticate': `Bearer realm="scim"${error}` } });

/**
 * Finds the client by `Authorization: Bearer TOKEN`, or by the token alone as Okta's header mode sends it.
 * The path may name the source that the token is for, and no other. Throws 401 or 403; reads nothing but headers.
 */
export async function authenticateRequest(
  header: string | undefined,
  pathSource: string | undefined,
  sources: ReadonlyMap<string, ScimSourceSettings>,
  authenticate: (presented: string) => Promise<Client | undefined>,
): Promise<Client> {
  const presented = (header ?? '').replace(/^bearer(\s+|$)/i, '').trim();
  if (presented === '') throw unauthorized('A token is needed: Authorization: Bearer TOKEN.', '');
  const usable = presented.length <= MAX_TOKEN_LENGTH && !/\s/.test(presented);
  const client = usable ? await authenticate(presented) : undefined;
  if (client === undefined) {
    throw unauthorized('The token is not known, has expired or was revoked.', ', error="invalid_token"');
  }
  if (pathSource !== undefined && pathSource !== client.source) {
    throw new ScimError(403, 'The token is not for the source that the path names.');
  }
  if (!sources.has(client.source))
    throw new ScimError(403, "The token's source is not in the settings of this service.");
  return client;
}
