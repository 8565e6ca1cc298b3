/** TLS in the configuration as written: what the gateway shows to its clients. */
import { z } from 'zod';

const file = z.string().min(1, 'expected the name of a file');

const tlsVersions = ['TLSv1.2', 'TLSv1.3'] as const;

export const serverTls = z
  .strictObject({
    cert: file.describe('A PEM file with the certificate, and after it those that lead to its authority.'),
    key: file.describe('A PEM file with its private key, without a passphrase.'),
    min_version: z.enum(tlsVersions).default('TLSv1.2').describe('The oldest version that clients may speak.'),
    client_ca: file
      .optional()
      .describe('A PEM file with authorities. Clients then have to show a certificate that one of them signed.'),
  })
  .describe('HTTPS instead of HTTP. The files are read again when they change.');

export type WrittenServerTls = z.output<typeof serverTls>;
