type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Entity tags in a header; weak and strong ones compare alike here (RFC 7644 3.14 uses weak ones). */
function tagsIn(header: string | string[] | undefined): string[] | '*' {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  if (text.trim() === '*') return '*';
  return text.split(',').map((tag) => tag.trim().replace(/^W\//i, ''));
}

const includes = (header: string | string[] | undefined, etag: string): boolean => {
  const tags = tagsIn(header);
  return tags === '*' || tags.includes(etag.replace(/^W\//, ''));
};

/** If-Match names other versions than the present one: the write must not happen. */
export const isStale = (headers: Headers, etag: string): boolean =>
  headers['if-match'] !== undefined && !includes(headers['if-match'], etag);

/** If-None-Match names the present version: the client has it already. */
export const isUnchanged = (headers: Headers, etag: string): boolean =>
  headers['if-none-match'] !== undefined && includes(headers['if-none-match'], etag);
