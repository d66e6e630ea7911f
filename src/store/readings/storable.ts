/** The longest anchor or name, characters: an index entry holds no more than some 2 700 bytes. */
export const LONGEST_KEY = 600;

/** Can PostgreSQL keep all text in it? It takes neither the character NUL nor half a surrogate pair. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0');
  if (Array.isArray(value)) return value.every(isStorable);
  if (value === null || typeof value !== 'object' || value instanceof Date) return true;
  return Object.entries(value).every(([key, inner]) => isStorable(key) && isStorable(inner));
}
