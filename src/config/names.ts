import type * as z from 'zod';
import type { Path } from './document.ts';

/** Names that a schema knows at a path, for suggestions; none where anything may stand. */
export function namesAt(schema: z.ZodType, path: Path): string[] {
  let here: z.ZodType | undefined = schema;
  for (const key of path) here = here === undefined ? undefined : below(bare(here), String(key));
  const object = here === undefined ? undefined : bare(here);
  return object === undefined || !('shape' in object) ? [] : Object.keys(object.shape as object);
}

function below(schema: z.ZodType, key: string): z.ZodType | undefined {
  if ('shape' in schema) return (schema.shape as Readonly<Record<string, z.ZodType>>)[key];
  return 'valueType' in schema ? (schema.valueType as z.ZodType) : undefined;
}

/** Without default, optional and the like around it. */
function bare(schema: z.ZodType): z.ZodType {
  const inner = (schema as { def?: { innerType?: z.ZodType } }).def?.innerType;
  return inner === undefined ? schema : bare(inner);
}
