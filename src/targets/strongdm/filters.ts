/**
 * One term of a list filter, as `field:"value"`. The value is a JSON string, so blanks, commas and quotes are safe.
 * A `*` in the value still matches any run of characters and there is no escape for it: whoever looks for one object
 * compares each hit.
 */
export const term = (field: string, value: string): string => `${field}:${JSON.stringify(value)}`;

export const tagTerm = (name: string, value: string): string => `tag:${JSON.stringify(name)}=${JSON.stringify(value)}`;

/** Terms are joined by AND. */
export const allOf = (...terms: readonly string[]): string => terms.join(' ');
