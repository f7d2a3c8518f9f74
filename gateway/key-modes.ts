// Whether private keys are private.
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { GatewayConfig } from './config.js';

export function keyModeWarnings(
  { keyFile, tls }: GatewayConfig,
  /** Where systemd puts copies for the service alone; their mode also shows an access list. */
  credentialsFolder: string | undefined,
): string[] {
  const files = { keyFile, 'tls.keyFile': tls?.keyFile };
  return Object.entries(files).flatMap(([key, file]) => {
    if (file === undefined || dirname(file) === credentialsFolder) return [];
    const mode = statSync(file).mode & 0o777;
    if ((mode & 0o077) === 0) return [];
    const who = (mode & 0o007) === 0 ? 'its group' : 'everybody';
    const shown = mode.toString(8).padStart(4, '0');
    return [`${key}: ${file} is open to ${who} (mode ${shown}); chmod it to 0600`];
  });
}
