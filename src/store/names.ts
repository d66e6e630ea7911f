const said = (text: string): string => `nullif(${text}, '')`;

/**
 * The name of the record `r` for people to read, as SQL; null without any. Clients need not send displayName: else it
 * is made of `name` (RFC 7643 4.1.1). What SCIM clients are answered is not touched by it.
 */
export const NAME_TO_READ = `coalesce(${said('r.display_name')}, ${said(`r.resource #>> '{name,formatted}'`)},
  ${said(`btrim(concat_ws(' ', r.resource #>> '{name,givenName}', r.resource #>> '{name,familyName}'))`)})`;
