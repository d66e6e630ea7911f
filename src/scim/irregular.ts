/**
 * Forms that the RFCs do not know, or that stricter servers refuse, and that are read all the same. Each use is
 * counted by client, so that an administrator sees which switch of an identity provider is still to be set.
 * docs/scim.md says of each what arrives and from whom. Labels of a metric: never made of what a client sent.
 */
export const IRREGULAR_FORMS = [
  'attributes-filter',
  'bare-token',
  'boolean-text',
  'filter-boolean-text',
  'filter-unquoted',
  'leave-only',
  'manager-bare',
  'no-operations',
  'number-text',
  'op-case',
  'path-case',
  'path-keys',
  'path-short',
  'read-only-echo',
  'remove-list',
  'role-unfolded',
  'text-for-element',
  'url-flag',
  'value-path-made',
] as const;

export type IrregularForm = (typeof IRREGULAR_FORMS)[number];

/** Told of each irregular form as it is read. */
export type Note = (form: IrregularForm) => void;

export const noNote: Note = () => undefined;
