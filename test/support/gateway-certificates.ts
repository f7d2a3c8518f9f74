// Certificates for TLS on loopback, made anew for each test.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface Certificate {
  key: string;
  cert: string;
}

/** A certificate for 127.0.0.1 that signs itself and is valid for a year. */
export async function createCertificate(
  name = 'wakeup.example',
  notBeforeDate = new Date(),
): Promise<Certificate> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    notBeforeDate,
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { key, cert };
}

/** Writes `tls.key` and `tls.crt` into a folder. */
export function writeCertificate(folder: string, { key, cert }: Certificate): void {
  writeFileSync(join(folder, 'tls.key'), key);
  writeFileSync(join(folder, 'tls.crt'), cert);
}
