import { readFileSync } from 'node:fs';
import { type Bridge, openScene } from '../e2e/support/scene.ts';

/** A real service with a declared schema, in a process of its own. */
export interface FuzzService {
  readonly bridge: Bridge;
  readonly base: string;
  readonly token: string;
  /** Resident memory of its process, bytes. */
  memory(): number;
  close(): Promise<void>;
}

const SETTINGS = `server: { listen: 127.0.0.1:0 }
store: { url: embedded:data }
sources: { okta: { type: scim } }
rules: rules
log: { level: warn }
schemas:
  - id: urn:acme:params:scim:schemas:extension:hr:2.0:User
    attributes:
      - { name: level, type: integer }
      - { name: end, type: dateTime }
      - { name: tags, multiValued: true }
      - { name: sites, type: complex, multiValued: true, subAttributes: [ { name: value }, { name: role } ] }
      - { name: badge, type: complex, subAttributes: [ { name: colour }, { name: floor, type: integer } ] }
`;
export async function fuzzService(): Promise<FuzzService> {
  const scene = openScene();
  try {
    scene.write('drawbridge.yaml', SETTINGS);
    scene.write('rules/rules.yaml', 'rules: []\n');
    const bridge = await scene.serve();
    const [, token = ''] = /SCIM token of source okta: +(\S+)/.exec(bridge.out()) ?? [];
    return {
      bridge,
      base: `${bridge.url}/scim/okta/v2`,
      token,
      memory: () => {
        const status = readFileSync(`/proc/${bridge.child.pid}/status`, 'utf8');
        return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
      },
      close: () => scene.clear(),
    };
  } catch (error) {
    await scene.clear();
    throw error;
  }
}
