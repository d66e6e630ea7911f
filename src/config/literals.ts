import type { Path } from './document.ts';

const SECRET_NAME = /(password|secret|secretkey|accesskey|privatekey|apikey|token)$/i;

/** Secrets that stand in the file itself instead of being referred to. */
export function literalSecrets(value: unknown, path: Path = []): Array<{ path: Path; value: string }> {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const here = [...path, key];
    if (typeof item !== 'string') return literalSecrets(item, here);
    return SECRET_NAME.test(key) && !item.includes('${') ? [{ path: here, value: item }] : [];
  });
}

/** The password in an address, as it stands there and decoded. */
export function secretsOfUrl(text: string | undefined): string[] {
  if (text === undefined) return [];
  const password = URL.parse(text)?.password ?? '';
  if (password === '') return [];
  try {
    return [...new Set([password, decodeURIComponent(password)])];
  } catch {
    return [password];
  }
}
