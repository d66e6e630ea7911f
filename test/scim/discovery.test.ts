import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Attribute } from '../../src/scim/schema/types.ts';
import { useScim } from './server.ts';

type Json = Readonly<Record<string, unknown>>;

/** Attributes of every resource, which schemas do not list (RFC 7643 3.1). */
const COMMON = new Set(['schemas', 'id', 'meta']);

/** What is in an answer and not in its schema, of another type, or required and not there. */
function mistakes(resource: Json, attributes: readonly Attribute[], at: string): string[] {
  const unknown = Object.keys(resource).filter((key) => !COMMON.has(key) && !attributes.some((a) => a.name === key));
  return [
    ...unknown.map((key) => `${at}/${key} is in no schema`),
    ...attributes.flatMap((attribute) => {
      const value = resource[attribute.name];
      const path = `${at}/${attribute.name}`;
      if (value === undefined) return attribute.required ? [`${path} is required and not there`] : [];
      if (attribute.multiValued !== Array.isArray(value)) return [`${path} is no list, or should be none`];
      return [value].flat().flatMap((one, i) => mistakesIn(one, attribute, `${path}/${i}`));
    }),
  ];
}

function mistakesIn(value: unknown, { type, subAttributes }: Attribute, at: string): string[] {
  if (type === 'complex') return mistakes(value as Json, subAttributes ?? [], at);
  const wanted = type === 'boolean' ? 'boolean' : type === 'integer' ? 'number' : 'string';
  return typeof value === wanted ? [] : [`${at} is no ${type}`];
}

describe('discovery', () => {
  const { server } = useScim();

  test('what the service says of itself is as the schemas say that it serves', async () => {
    const schemas: ReadonlyArray<{ readonly id: string; readonly attributes: readonly Attribute[] }> = (
      await server.send('GET', '/Schemas')
    ).body.Resources;
    const told: readonly Json[] = [
      (await server.send('GET', '/ServiceProviderConfig')).body,
      ...(await server.send('GET', '/ResourceTypes')).body.Resources,
      ...schemas,
    ];
    assert.ok(told.length > 10);
    const found = told.flatMap((resource) => {
      const [id] = resource['schemas'] as readonly string[];
      const schema = schemas.find((s) => s.id === id);
      return schema === undefined ? [`${id} is not served`] : mistakes(resource, schema.attributes, String(id));
    });
    // RFC 7643 8.7.2 defines parts of attributes, and its own definition of those has parts once more.
    const itself = 'urn:ietf:params:scim:schemas:core:2.0:Schema/attributes/2/subAttributes/11/subAttributes';
    assert.deepEqual(found, [`${itself} is in no schema`]);
  });

  test('the schemas of users and groups come first', async () => {
    const { Resources } = (await server.send('GET', '/Schemas')).body;
    assert.deepEqual(
      Resources.slice(0, 3).map((schema: { name: string }) => schema.name),
      ['User', 'EnterpriseUser', 'Group'],
    );
  });
});
