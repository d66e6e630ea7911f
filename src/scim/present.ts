import { createHash } from 'node:crypto';
import type { Link, StoredResource } from '../store/resources.ts';
import { fitExtension } from './extensions.ts';
import type { ResourceType } from './schema/types.ts';

/** The version of the record alone, without memberships. */
export const recordTag = (stored: StoredResource): string => `W/"${stored.version}"`;

/**
 * The version of what is shown. Memberships count: groups of a user, and names of members, change without a write to
 * the record, and a client that has an old list must not be told that it has the present one.
 */
export function etagOf(stored: StoredResource): string {
  const { links = [], version } = stored;
  if (links.length === 0) return `W/"${version}"`;
  const hash = createHash('sha1');
  for (const link of links) hash.update(`${link.id}\0${link.display ?? ''}\0`);
  return `W/"${version}-${hash.digest('base64url').slice(0, 12)}"`;
}
export const locationOf = (type: ResourceType, base: string, id: string): string =>
  `${base}${type.endpoint}/${encodeURIComponent(id)}`;

/** A stored resource as clients read it, whole. `base` is the address of `/v2`. */
export function present(type: ResourceType, stored: StoredResource, base: string): Record<string, unknown> {
  const { resource } = stored;
  const extensions = type.extensions
    .map((e) => ({ id: e.id, value: e.declared === true ? fitExtension(e, resource[e.id]) : resource[e.id] }))
    .filter((e) => e.value !== undefined);
  const shown: Record<string, unknown> = {
    schemas: [type.schema.id, ...extensions.map((e) => e.id)],
    id: stored.id,
  };
  for (const name of ['externalId', ...type.schema.attributes.map((a) => a.name)]) {
    if (resource[name] !== undefined) shown[name] = resource[name];
  }
  if (stored.links !== undefined && stored.links.length > 0) {
    const show = type.kind === 'user' ? groupLink : memberLink;
    shown[type.links] = stored.links.map((link) => show(link, base));
  }
  for (const { id, value } of extensions) shown[id] = value;
  shown['meta'] = {
    resourceType: type.name,
    created: stored.createdAt.toISOString(),
    lastModified: stored.changedAt.toISOString(),
    location: locationOf(type, base, stored.id),
    version: etagOf(stored),
  };
  return shown;
}

const named = ({ display }: Link): Record<string, string> => (display === null ? {} : { display });

const groupLink = (link: Link, base: string): Record<string, string> => ({
  value: link.id,
  $ref: `${base}/Groups/${link.id}`,
  ...named(link),
  type: 'direct',
});

const memberLink = (link: Link, base: string): Record<string, string> => {
  const [type, endpoint] = link.kind === 'user' ? ['User', 'Users'] : ['Group', 'Groups'];
  return { value: link.id, $ref: `${base}/${endpoint}/${link.id}`, ...named(link), type };
};
