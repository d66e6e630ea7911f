import { type ExtensionAttribute, type ExtensionSchema, ruleAttributesOf } from '../../model/extensions.ts';
import { RESOURCE_TYPES } from './index.ts';
import type { Attribute, ResourceType, Schema } from './types.ts';

/** Users and Groups with the schemas that the settings declare. */
export function extendedTypes(declared: readonly ExtensionSchema[]): readonly ResourceType[] {
  if (declared.length === 0) return RESOURCE_TYPES;
  return RESOURCE_TYPES.map((type) => {
    const own = declared.filter((schema) => schema.resource === type.name);
    if (own.length === 0) return type;
    return {
      ...type,
      extensions: [...type.extensions, ...own.map(schemaOf)],
      ruleAttributes: own.flatMap(ruleAttributesOf),
    };
  });
}

const schemaOf = ({ id, name, description, required, attributes }: ExtensionSchema): Schema => ({
  id,
  name,
  description: description === '' ? name : description,
  attributes: attributes.map(attributeOf),
  declared: true,
  required,
});

/** As RFC 7643 7 has it: nothing that is not known, and no null. */
function attributeOf(one: ExtensionAttribute): Attribute {
  const referenceTypes = one.type === 'reference' ? (one.referenceTypes ?? ['uri']) : undefined;
  return {
    name: one.name,
    type: one.type,
    multiValued: one.multiValued,
    description: one.description === '' ? one.name : one.description,
    required: one.required,
    caseExact: one.caseExact || one.type === 'reference' || one.type === 'binary',
    mutability: one.mutability,
    returned: one.mutability === 'writeOnly' ? 'never' : 'default',
    uniqueness: 'none',
    ...(one.canonicalValues === undefined ? {} : { canonicalValues: one.canonicalValues }),
    ...(referenceTypes === undefined ? {} : { referenceTypes }),
    ...(one.subAttributes === undefined ? {} : { subAttributes: one.subAttributes.map(attributeOf) }),
  };
}
