/**
 * `npm run sbom [-- FILE]`: a bill of materials in CycloneDX (by default sbom.cdx.json) of all that runs in production,
 * made by npm from what is installed. Fails when a package of the lock file is missing in it, or has a licence that
 * is not on our list.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/** Licences that ask for no more than their text being kept. A new one is a decision, written down. */
const PERMISSIVE = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']);

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}
interface Component {
  readonly name: string;
  readonly version: string;
}

const own = JSON.parse(readFileSync('package.json', 'utf8')) as { name: string; version: string };
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
const used = Object.entries(lock.packages)
  .filter(([path, { dev }]) => path !== '' && dev !== true)
  .map(([path, entry]) => ({ ...entry, name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length) }));

// Not with `--omit dev`: npm 11 then leaves out what production and development both need (pg-protocol, pg-types …).
const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'];
const bom = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 64 << 20 })) as {
  metadata: { component: { name: string; 'bom-ref': string } };
  components: Array<Component & { readonly 'bom-ref': string }>;
  dependencies: Array<{ readonly ref: string; readonly dependsOn?: readonly string[] }>;
};
// npm names it after the folder that the checkout lies in.
bom.metadata.component.name = own.name;

const key = ({ name, version }: Component): string => `${name}@${version}`;
const wanted = new Set(used.map(key));
bom.components = bom.components.filter((component) => wanted.has(key(component)));
const refs = new Set([bom.metadata.component['bom-ref'], ...bom.components.map((component) => component['bom-ref'])]);
bom.dependencies = bom.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
const listed = new Set(bom.components.map(key));
// A package for another platform is in the lock file and not installed.
const missing = used.filter((entry) => entry.optional !== true && !listed.has(key(entry))).map(key);
const refused = used.filter(({ license }) => !isPermissive(license)).map((entry) => `${key(entry)}: ${entry.license}`);
const counts = Map.groupBy(used, ({ license }) => license ?? 'none stated');
const file = process.argv[2] ?? 'sbom.cdx.json';
writeFileSync(file, `${JSON.stringify(bom, undefined, 2)}\n`);
const lines = [
  `${file}: ${bom.components.length} packages that ${own.name} ${own.version} runs on`,
  ...[...counts].map(([license, packages]) => `  ${String(packages.length).padStart(4)}  ${license}`),
  ...missing.map((name) => `missing in it: ${name}; is it installed? (npm ci)`),
  ...refused.map((what) => `not a permissive licence: ${what}`),
];
process.stdout.write(`${lines.join('\n')}\n`);
process.exitCode = missing.length + refused.length > 0 ? 1 : 0;

/** All parts of an `AND`, one of an `OR`. Anything else in an expression is no. */
function isPermissive(license = ''): boolean {
  const bare = license.replaceAll(/[()]/g, '');
  return bare.split(' OR ').some((one) => one.split(' AND ').every((name) => PERMISSIVE.has(name.trim())));
}
