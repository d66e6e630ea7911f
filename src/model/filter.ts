/** A SCIM filter (RFC 7644 3.4.2.2) with its attributes resolved against the schema: what scim parses and the store runs. */

/** How values of an attribute compare. References and certificates compare as strings. */
export type LeafType = 'string' | 'boolean' | 'number' | 'dateTime';

export interface FilterAttribute {
  /** The way into a resource, in the schema's spelling: `['name', 'familyName']`, `['urn:…:User', 'manager', 'value']`. */
  readonly path: readonly string[];
  /** `complex` only occurs in `present` and `element`. */
  readonly type: LeafType | 'complex';
  readonly caseExact: boolean;
  /** Index in `path` of the key that holds an array, if one does. */
  readonly many?: number;
}

/** `ne` is not in here: `a ne b` is `not (a eq b)`, so that a resource without the attribute matches. */
export type CompareOp = 'eq' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

export type Filter =
  /** Without filters, `and` is always true and `or` never. */
  | { readonly type: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly type: 'not'; readonly filter: Filter }
  | { readonly type: 'present'; readonly attribute: FilterAttribute }
  | {
      readonly type: 'compare';
      readonly attribute: FilterAttribute;
      readonly op: CompareOp;
      /** Of the attribute's type; a dateTime as `Date.toISOString` writes it. */
      readonly value: string | number | boolean;
    }
  /** One and the same element of a multi-valued attribute matches; paths inside are relative to the element. */
  | { readonly type: 'element'; readonly attribute: FilterAttribute; readonly filter: Filter };

/** The form in which values that are not case-exact are compared and indexed. */
export const foldCase = (value: string): string => value.normalize('NFC').toLowerCase();
