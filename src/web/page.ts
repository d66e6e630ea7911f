/** The page at `/`: what this is, and where things are. */
export function page(options: {
  readonly version: string;
  readonly url: string;
  readonly sources: readonly string[];
}): string {
  const scim = options.sources
    .map((id) => `<li><code>${escape(`${options.url}/scim/${id}/v2`)}</code></li>`)
    .join('\n');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drawbridge</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #222; }
  code { background: #f2f2f2; padding: 0.1em 0.3em; border-radius: 3px; }
  @media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd; } code { background: #2a2d33; } a { color: #8ab4f8; } }
</style>
<h1>Drawbridge ${escape(options.version)}</h1>
<p>People get their privileged access, and lose it again, by what the directory says about them.</p>
<h2>SCIM 2.0</h2>
<p>Give your identity provider one of these addresses and a token (<code>drawbridge tokens create --source ID</code>):</p>
<ul>
${scim}
</ul>
<h2>State</h2>
<ul>
<li><a href="healthz">healthz</a>: is the process alive</li>
<li><a href="readyz">readyz</a>: do store and queue work, how old is what sources and targets said</li>
<li><a href="metrics">metrics</a>: for Prometheus</li>
</ul>
<p>What people have and why: <code>drawbridge people list</code>, <code>drawbridge explain PERSON</code>,
<code>drawbridge jobs list</code>.</p>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
