// The copyright file of a Debian package: our licence, and that of every dependency it carries.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const apacheNotice = `Licensed under the Apache License, Version 2.0. On Debian systems, its text is in
/usr/share/common-licenses/Apache-2.0.`;

export function copyrightFile(folders) {
  const own = `Reveille\n\nCopyright the Reveille authors\n\n${apacheNotice}\n`;
  return [own, ...folders.map(noticeOf)].join(`\n${'-'.repeat(78)}\n\n`);
}

function noticeOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const heading = `This package carries ${name} ${version} (${license}).`;
  // Debian wants a reference instead of the text of a licence it has.
  if (license === 'Apache-2.0') return `${heading}\n\n${apacheNotice}\n`;
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  if (file === undefined) return `${heading}\n`;
  return `${heading}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}
