/** `npm run schema`: writes `config.schema.json`. Run after a change of `schema.ts`; a test tells when it was forgotten. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../lib/root.js';
import { configJsonSchemaText } from './json-schema.js';

writeFileSync(join(packageRoot, 'config.schema.json'), configJsonSchemaText());
