/**
 * Certificates and keys of the configuration: files are read, and a pair that cannot be used is told before anything is made of
 * it. What a file holds is a part of the configuration, so a changed file is a changed configuration.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { resolve as resolvePath } from 'node:path';
import { createSecureContext, type SecureVersion } from 'node:tls';
import type { Path } from './problem.js';
import type { WrittenProviderTls, WrittenServerTls } from './tls-schema.js';

/** PEM texts. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly min_version: SecureVersion;
  /** Null: clients show no certificate. */
  readonly client_ca: string | null;
}

/** PEM texts; null where they are left out. */
export interface ProviderTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly server_name: string | null;
}

export interface TlsFiles {
  readonly baseDir: string;
  readonly read: (file: string) => Buffer;
  readonly report: (path: Path, message: string) => void;
}

/** What files of certificates may hold: no list of authorities is larger. */
const MOST_BYTES = 1024 * 1024;

export function serverTlsOf(at: Path, written: WrittenServerTls | undefined, files: TlsFiles): ServerTls | null {
  if (written === undefined) return null;
  const cert = textOf([...at, 'cert'], written.cert, files);
  const key = textOf([...at, 'key'], written.key, files);
  const client_ca = written.client_ca === undefined ? null : textOf([...at, 'client_ca'], written.client_ca, files);
  const { min_version } = written;
  if (cert !== undefined && key !== undefined) checkPair(at, cert, key, min_version, files);
  if (typeof client_ca === 'string') certificateOf([...at, 'client_ca'], client_ca, files);
  return { cert: cert ?? '', key: key ?? '', min_version, client_ca: client_ca ?? null };
}

export function providerTlsOf(at: Path, written: WrittenProviderTls | undefined, files: TlsFiles): ProviderTls | null {
  if (written === undefined) return null;
  const text = (name: 'ca' | 'cert' | 'key'): string | null =>
    written[name] === undefined ? null : (textOf([...at, name], written[name], files) ?? null);
  const [ca, cert, key] = [text('ca'), text('cert'), text('key')];
  if (ca !== null) certificateOf([...at, 'ca'], ca, files);
  if (cert !== null && key !== null) checkPair(at, cert, key, 'TLSv1.2', files);
  return { ca, cert, key, server_name: written.server_name ?? null };
}

function textOf(path: Path, name: string, { baseDir, read, report }: TlsFiles): string | undefined {
  const file = resolvePath(baseDir, name);
  try {
    const bytes = read(file);
    if (bytes.length <= MOST_BYTES) return bytes.toString('latin1');
    report(path, `${file} has more than 1 MB: is it the right file?`);
  } catch (error) {
    report(path, `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  return undefined;
}

/** The certificate and the key belong together and can be used. */
function checkPair(at: Path, cert: string, key: string, minVersion: SecureVersion, files: TlsFiles): void {
  const certificate = certificateOf([...at, 'cert'], cert, files);
  const privateKey = keyOf([...at, 'key'], key, files);
  if (certificate === undefined || privateKey === undefined) return;
  if (!certificate.checkPrivateKey(privateKey))
    return files.report(
      [...at, 'key'],
      'is not the key of the certificate (`cert`): give the two that belong together',
    );
  try {
    createSecureContext({ cert, key, minVersion });
  } catch (error) {
    // What is too weak or in a chain that cannot be read is known here alone.
    files.report([...at, 'cert'], `cannot be used: ${reasonOf(error)}`);
  }
}

function certificateOf(path: Path, text: string, { report }: TlsFiles): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    report(path, 'is not a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----');
    return undefined;
  }
}

function keyOf(path: Path, text: string, { report }: TlsFiles): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch (error) {
    const locked = (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE' || text.includes('ENCRYPTED');
    report(
      path,
      locked
        ? 'is locked with a passphrase: write it without one (openssl pkey -in KEY -out PLAIN)'
        : 'is not a private key in PEM, which begins with -----BEGIN PRIVATE KEY----- or alike',
    );
    return undefined;
  }
}

const reasonOf = (error: unknown): string =>
  String((error as { reason?: string }).reason ?? (error as Error).message).slice(0, 200);

/** A certificate as an admin may see it. */
function describeCertificate(pem: string): object {
  const { subject, subjectAltName, issuer, validFrom, validTo } = new X509Certificate(pem);
  const instant = (text: string) => new Date(text).toISOString();
  return { subject, names: subjectAltName ?? '', issuer, from: instant(validFrom), until: instant(validTo) };
}

export const describeServerTls = (tls: ServerTls | null) =>
  tls && {
    cert: describeCertificate(tls.cert),
    key: '(hidden)',
    min_version: tls.min_version,
    client_ca: tls.client_ca && describeCertificate(tls.client_ca),
  };

export const describeProviderTls = (tls: ProviderTls | null) =>
  tls && {
    ca: tls.ca && describeCertificate(tls.ca),
    cert: tls.cert && describeCertificate(tls.cert),
    key: tls.key && '(hidden)',
    server_name: tls.server_name,
  };
