/**
 * `npm run soak -- --minutes 10 --clients 50`: what providers do all day, from many clients at once, against a service
 * of its own on the embedded store. Ends with 1 when a request failed.
 */
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { parseArgs } from 'node:util';
import { openScene } from '../test/e2e/support/scene.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, clients: { type: 'string', default: '50' } },
});
const [minutes = 0, clients = 0] = [Number(values.minutes), Number(values.clients)];
if (!(minutes > 0) || !Number.isInteger(clients) || clients < 1) {
  process.stderr.write('usage: npm run soak -- [--minutes N] [--clients N]\n');
  process.exit(2);
}

const USERS_A_CLIENT = 40;
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
/** Names of attempts in the report. */
const times = new Map<string, number[]>();
const failures: string[] = [];
const count = (): number => [...times.values()].reduce((n, list) => n + list.length, 0);

const scene = openScene();
try {
  scene.write(
    'drawbridge.yaml',
    'server: { listen: 127.0.0.1:0 }\nstore: { url: embedded:data }\nsources: { okta: { type: scim } }\nrules: rules\nlog: { level: warn }\n',
  );
  scene.write('rules/rules.yaml', 'rules: []\n');
  const bridge = await scene.serve();
  const [, token = ''] = /SCIM token of source okta: +(\S+)/.exec(bridge.out()) ?? [];
  const memory = (): number => {
    const status = readFileSync(`/proc/${bridge.child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  };
  const end = performance.now() + minutes * 60_000;
  const shown: number[] = [];
  const watch = setInterval(
    () => {
      shown.push(memory());
      process.stderr.write(`${count()} requests, ${Math.round(shown.at(-1) ?? 0)} MB\n`);
    },
    Math.max(2_000, (minutes * 60_000) / 20),
  );
  const started = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, n) => client(`${bridge.url}/scim/okta/v2`, token, n, end)));
  clearInterval(watch);
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(report(seconds, shown));
  const errors = bridge
    .err()
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"/.test(line));
  for (const line of [...failures.slice(0, 20), ...errors.slice(0, 5)]) process.stdout.write(`${line}\n`);
  if (failures.length > 0 || errors.length > 0) process.exitCode = 1;
} finally {
  await scene.clear();
}

function report(seconds: number, memory: readonly number[]): string {
  const at = (list: readonly number[], share: number): string =>
    (list[Math.floor((list.length - 1) * share)] ?? 0).toFixed(0);
  const rows = [...times].map(([name, list]) => {
    list.sort((a, b) => a - b);
    return `${name.padEnd(22)} ${String(list.length).padStart(8)}  p50 ${at(list, 0.5)} ms  p99 ${at(list, 0.99)} ms  max ${at(list, 1)} ms`;
  });
  const quarter = memory.slice(Math.floor(memory.length / 4));
  return [
    `${clients} clients, ${Math.round(seconds)} s: ${count()} requests, ${Math.round(count() / seconds)}/s, ${failures.length} failed`,
    ...rows,
    `memory after a quarter ${Math.round(quarter[0] ?? 0)} MB, at most ${Math.round(Math.max(0, ...quarter))} MB, at the end ${Math.round(quarter.at(-1) ?? 0)} MB`,
    '',
  ].join('\n');
}

/** One client with its own users and a group that all clients share parts of. */
async function client(base: string, token: string, n: number, until: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const users: string[] = [];
  let made = 0;
  const send = (
    name: string,
    wanted: readonly number[],
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer> => exchange(agent, base, token, { name, wanted, method, path, body });
  const group = await send('POST group', [201], 'POST', '/Groups', { displayName: `group ${n}`, members: [] });
  const groupId = group.id ?? '';
  while (performance.now() < until) {
    const turn = Math.random();
    const id = users[Math.floor(Math.random() * users.length)];
    if (id === undefined || users.length < 5 || (turn < 0.15 && users.length < USERS_A_CLIENT)) {
      const userName = `c${n}-u${made++}@example.com`;
      const filter = encodeURIComponent(`userName eq "${userName}"`);
      await send('GET by userName', [200], 'GET', `/Users?filter=${filter}&startIndex=1&count=100`);
      const user = await send('POST user', [201], 'POST', '/Users', {
        userName,
        active: true,
        name: { givenName: 'Given', familyName: `Family ${made}` },
        emails: [{ value: userName, type: 'work', primary: true }],
        [ENTERPRISE]: { department: 'SRE' },
      });
      if (user.id !== undefined) users.push(user.id);
    } else if (turn < 0.35) await send('GET user', [200], 'GET', `/Users/${id}`);
    else if (turn < 0.5) {
      const Operations = [{ op: 'Replace', path: `${ENTERPRISE}:department`, value: `D${Math.floor(turn * 100)}` }];
      await send('PATCH user', [200], 'PATCH', `/Users/${id}`, { schemas: [PATCH], Operations });
    } else if (turn < 0.65) {
      const Operations = [{ op: 'add', path: 'members', value: [{ value: id }] }];
      await send('PATCH add member', [204], 'PATCH', `/Groups/${groupId}`, { schemas: [PATCH], Operations });
    } else if (turn < 0.75) {
      const Operations = [{ op: 'Remove', path: 'members', value: [{ value: id }] }];
      await send('PATCH remove member', [204], 'PATCH', `/Groups/${groupId}`, { schemas: [PATCH], Operations });
    } else if (turn < 0.85) {
      const Operations = [{ op: 'Replace', path: 'active', value: turn < 0.8 ? 'False' : 'True' }];
      await send('PATCH active', [200], 'PATCH', `/Users/${id}`, { schemas: [PATCH], Operations });
    } else if (turn < 0.9)
      await send('GET page', [200], 'GET', `/Users?startIndex=${1 + Math.floor(turn * 50)}&count=20`);
    else if (turn < 0.95) await send('GET group', [200], 'GET', `/Groups/${groupId}?excludedAttributes=members`);
    else {
      await send('DELETE user', [204], 'DELETE', `/Users/${id}`);
      users.splice(users.indexOf(id), 1);
    }
  }
  agent.destroy();
}

interface Answer {
  readonly id?: string;
}

interface Wanted {
  readonly name: string;
  readonly wanted: readonly number[];
  readonly method: string;
  readonly path: string;
  readonly body: object | undefined;
}

function exchange(
  agent: Agent,
  base: string,
  token: string,
  { name, wanted, method, path, body }: Wanted,
): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve) => {
    const done = (status: number, text: string): void => {
      const list = times.get(name) ?? [];
      times.set(name, list);
      list.push(performance.now() - started);
      if (!wanted.includes(status)) failures.push(`${name}: ${status} ${text.slice(0, 200)}`);
      resolve(text.startsWith('{') ? (JSON.parse(text) as Answer) : {});
    };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = httpRequest(base + path, {
      agent,
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/scim+json',
        ...(text === undefined ? {} : { 'content-length': String(Buffer.byteLength(text)) }),
      },
    });
    request
      .on('error', (error) => done(0, String(error)))
      .on('response', (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response
          .on('data', (chunk: string) => (answer += chunk))
          .on('end', () => done(response.statusCode ?? 0, answer));
      });
    request.setTimeout(60_000, () => request.destroy(new Error('no answer within 60 s')));
    request.end(text);
  });
}
