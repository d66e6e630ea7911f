import type { Path } from './document.ts';

const SECRET_NAME = /(password|passwd|secret|key|token|credentials?)$/i;

/** Is a setting of this name a secret, whoever knows it? */
export const namesSecret = (name: string): boolean => SECRET_NAME.test(name);

/** Secrets that stand in the file itself instead of being referred to. */
export function literalSecrets(value: unknown, path: Path = []): Array<{ path: Path; value: string }> {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const here = [...path, key];
    if (typeof item !== 'string') return literalSecrets(item, here);
    return namesSecret(key) && !item.includes('${') ? [{ path: here, value: item }] : [];
  });
}

/** The password in an address, as it stands there and decoded; all of an address that can't be taken apart. */
export function secretsOfUrl(text: string | undefined): string[] {
  if (text === undefined || !text.includes('://')) return [];
  const url = URL.parse(text);
  if (url === null) return [text];
  const passwords = [url.password, url.searchParams.get('password') ?? ''].filter((password) => password !== '');
  return [...new Set(passwords.flatMap((password) => [password, decoded(password)]))];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
