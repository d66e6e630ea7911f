/** `npm run schema`: writes config/drawbridge.schema.json from the code. A test tells when it has become stale. */
import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { kinds } from '../src/app/kinds.ts';
import { settingsJsonSchema } from '../src/config/json-schema.ts';

const file = new URL('../config/drawbridge.schema.json', import.meta.url);
const text = JSON.stringify(settingsJsonSchema(kinds));
writeFileSync(file, await format(text, { parser: 'json', printWidth: 120 }));
