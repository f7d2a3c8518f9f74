// The dialects a handset can be told to speak, by the names of its option.
import type { Dialect } from './dialect.js';
import { simplePush } from './simple-push.js';
import { createWebPush } from './web-push.js';

export const dialectNames = ['simplepush', 'webpush'] as const;
export type DialectName = (typeof dialectNames)[number];

export function createDialect(options: { dialect: DialectName; key: string | undefined }): Dialect {
  return options.dialect === 'webpush' ? createWebPush(options) : simplePush;
}
