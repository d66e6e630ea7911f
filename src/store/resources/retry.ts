/** How often a transaction is begun again that PostgreSQL broke off to end a deadlock. */
const ATTEMPTS = 4;

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Runs `work`, a transaction of its own, again after a deadlock (40P01) or a serialization failure (40001). */
export async function withRetries<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const code = codeOf(error);
      if (attempt >= ATTEMPTS || (code !== '40P01' && code !== '40001')) throw error;
    }
  }
}

/** Is it the refusal of a second live record with the same userName? */
export function isNameTaken(error: unknown): boolean {
  if (codeOf(error) !== '23505') return false;
  return (error as { constraint?: unknown }).constraint === 'record_scim_user_name';
}
