/** Which browsers may call the data plane. */
import { z } from 'zod';
import * as r from './route-scalars.js';
import * as s from './scalars.js';

export const cors = z.strictObject({
  origins: z
    .array(r.origin)
    .min(1, 'name an origin, or leave `cors` out')
    .max(1_000)
    .describe('Who may call: origins, https://*.example.com for all below, or *.'),
  headers: z
    .array(r.fieldName)
    .max(100)
    .optional()
    .describe('Headers that scripts may send. Default: those that are asked for.'),
  max_age: s.duration(0).prefault('10m').describe('How long a browser may remember what is allowed.'),
});
