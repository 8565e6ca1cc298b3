/** TLS in the configuration as written: what the gateway shows to its clients, and what providers are spoken to with. */
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

export const providerTls = z
  .strictObject({
    ca: file.optional().describe('A PEM file with certificates of authorities, instead of the usual ones.'),
    cert: file.optional().describe('A PEM file with the certificate that is shown to the provider.'),
    key: file.optional().describe('A PEM file with its private key, without a passphrase.'),
    server_name: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,253}$/, 'expected a host name, such as api.example.com')
      .optional()
      .describe("The name that is asked for and that the certificate has to have. Default: the URL's."),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), '`cert` and `key` come together');

export type WrittenServerTls = z.output<typeof serverTls>;
export type WrittenProviderTls = z.output<typeof providerTls>;
