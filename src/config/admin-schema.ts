/** Who may use the admin API, and for how long a sign-in lasts. */
import { z } from 'zod';
import { oidcSection } from './oidc.js';
import * as s from './scalars.js';

export const adminSection = z
  .strictObject({
    key: s.secret
      .default('')
      .describe('The key of the admin API, of 32 characters or more. Empty: made at the first start.'),
    session: z
      .strictObject({
        idle: s.duration(1_000).prefault('2h').describe('Unused for so long, a session in a browser ends.'),
        longest: s.duration(1_000).prefault('24h').describe('After so long it ends in any case.'),
      })
      .prefault({})
      .describe('Sessions of the console.'),
    oidc: oidcSection.optional().describe('Signing in to the console by an issuer of OpenID Connect.'),
  })
  .prefault({})
  .describe('The admin API.');
