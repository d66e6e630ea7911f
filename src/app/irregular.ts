import type { Log } from '../log.ts';
import type { ScimOptions } from '../scim/index.ts';
import type { Metrics } from '../web/metrics.ts';

/** Lines of the log that a run of the service spends on this. */
const MAX_LINES = 500;

/** Counts each irregular form that was read, and says the first of a client and form in the log. */
export function countIrregular(metrics: Metrics, log: Log): NonNullable<ScimOptions['onIrregular']> {
  const said = new Set<string>();
  return (info) => {
    metrics.irregular(info);
    const key = JSON.stringify([info.source, info.client, info.form]);
    if (said.has(key) || said.size >= MAX_LINES) return;
    said.add(key);
    log.info({ ...info }, 'a client writes in a form that stricter servers refuse; it was read (see docs/scim.md)');
  };
}
