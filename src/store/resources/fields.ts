import type { RecordFields } from './types.ts';

/** Columns of `record` that a write sets, in the order of `fieldValues`. */
export const RECORD_COLUMNS = [
  'user_name',
  'name_key',
  'display_name',
  'external_id',
  'email_keys',
  'emails',
  'active',
  'attributes',
  'resource',
] as const;

export const fieldValues = (fields: RecordFields): unknown[] => [
  fields.userName ?? null,
  fields.nameKey,
  fields.displayName ?? null,
  fields.externalId ?? null,
  fields.emailKeys,
  fields.emails,
  fields.active,
  JSON.stringify(fields.attributes),
  JSON.stringify(fields.resource),
];
