import type { Secrets } from '../log.ts';
import type { Settings } from '../model/settings.ts';
import { appendEvents } from '../store/events.ts';
import type { Store } from '../store/open.ts';
import { createToken, listTokens } from '../store/tokens.ts';

/** A source that has had a token once gets none by itself: a revoked one must not come back by a restart. */
export async function makeFirstTokens({ db }: Store, settings: Settings, { secrets }: { readonly secrets?: Secrets }) {
  const known = new Set((await listTokens(db)).map((token) => token.source));
  const made: Array<{ source: string; token: string }> = [];
  for (const { id, type } of settings.sources) {
    if (type !== 'scim' || known.has(id)) continue;
    const created = await createToken(db, { source: id, name: 'first', createdBy: 'drawbridge' });
    await appendEvents(db, [{ actor: 'drawbridge', kind: 'token.created', source: id, object: created.id }]);
    secrets?.add(created.token);
    made.push({ source: id, token: created.token });
  }
  return made;
}
