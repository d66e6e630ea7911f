type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Entity tags in a header; weak and strong ones compare alike here (RFC 7644 3.14 uses weak ones). */
function tagsIn(header: string | string[] | undefined): string[] | '*' {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  if (text.trim() === '*') return '*';
  return text.split(',').map((tag) => tag.trim().replace(/^W\//i, ''));
}

const includes = (tags: string[] | '*', etag: string): boolean =>
  tags === '*' || tags.includes(etag.replace(/^W\//, ''));

/** Without what stands for memberships in a version: those of others do not get in the way of a write. */
const ofRecord = (tags: string[] | '*'): string[] | '*' =>
  tags === '*' ? tags : tags.map((tag) => tag.replace(/-[^"]*"$/, '"'));

/**
 * If-Match names other versions than the present one, or If-None-Match names it (RFC 9110 13.1): the write must not
 * happen. `etag` is that of the record.
 */
export function isRefused(headers: Headers, etag: string): boolean {
  const named = (header: string | string[] | undefined): boolean => includes(ofRecord(tagsIn(header)), etag);
  if (headers['if-match'] !== undefined && !named(headers['if-match'])) return true;
  return headers['if-none-match'] !== undefined && named(headers['if-none-match']);
}

export const hasConditions = (headers: Headers): boolean =>
  headers['if-match'] !== undefined || headers['if-none-match'] !== undefined;

/**
 * If-None-Match names the present version: the client has it already. Where memberships are not shown (`links`), those
 * of the version that the client names don't matter.
 */
export function isUnchanged(headers: Headers, etag: string, links: boolean): boolean {
  if (headers['if-none-match'] === undefined) return false;
  const tags = tagsIn(headers['if-none-match']);
  return includes(links ? tags : ofRecord(tags), etag);
}
