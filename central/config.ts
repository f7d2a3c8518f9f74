// central.yaml: every key with its type, default, check and one sentence (docs/configuration.md is made from it).
import { z } from 'zod';
import { type Prefix, parsePrefix } from '../shared/address.js';
import { amount, filePath, listenAddress, logSchema } from '../shared/config.js';
import { isLoopbackHost } from '../shared/http.js';
import { networkKeyOf } from '../shared/network.js';
import { parseStoreUrl } from './store/open.js';
import { legacyTrusts } from './wakeup/networks.js';

const ms = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 };

export const envPrefix = 'REVEILLE_CENTRAL_';

/** The schema for a file in `folder`, from which relative paths are taken. */
export function schemaFor(folder: string) {
  const file = () => filePath(folder);
  const keyPair = {
    keyFile: file().describe('private key in PEM'),
    certFile: file().describe('certificate chain in PEM'),
  };
  const gateway = z
    .strictObject({
      url: gatewayUrl().describe('where the gateway listens; its host and port are the @authority'),
      caFile: file()
        .optional()
        .describe('CA certificates in PEM to trust, instead of those of the system'),
      publicKeyFile: file().describe('the key that signs its answers; two keys during a rotation'),
      certFile: file().optional().describe('client certificate, where the gateway asks for one'),
      keyFile: file().optional().describe('key of the client certificate'),
    })
    .refine((value) => (value.certFile === undefined) === (value.keyFile === undefined), {
      message: 'certFile and keyFile go together',
    });
  const network = z
    .strictObject({
      network: z.string().describe('MCC-MNC, such as 214-07; 07 and 007 are different networks'),
      netid: z.string().optional().describe('the pool of addresses; default <mcc>-<mnc>.default'),
      ranges: z
        .array(range())
        .min(1)
        .optional()
        .describe('narrows the ranges that the gateways serve; default: not narrowed'),
      egress: z
        .array(range())
        .prefault([])
        .describe("public addresses that the network's devices come from; see legacyTrust"),
      legacyTrust: legacyTrust().optional().describe('for this network; default: that of all'),
      wakeupsPerSecond: amount(1_000, 1).describe(
        'wakeups of this network leave no faster; the others wait, the oldest first',
      ),
      gateways: z.array(gateway).min(1).describe('tried in turn'),
    })
    .refine(({ network, netid }) => networkKeyOf(network, netid) !== undefined, {
      message: 'write network as <mcc>-<mnc> with 3 and 2 or 3 digits, netid without spaces',
    });

  return z
    .strictObject({
      listen: listenAddress('0.0.0.0:8080').describe('devices and app servers'),
      admin: listenAddress('127.0.0.1:9100').describe('metrics, health, readiness and commands'),
      publicUrl: publicUrl().describe(
        'endpoint URLs start with it; required unless listen is a loopback address',
      ),
      tls: z.strictObject(keyPair).optional().describe('absent behind a proxy that ends TLS'),
      trustedProxies: z
        .array(range())
        .prefault([])
        .describe('proxies whose X-Forwarded-For tells the address of the peer; default: none'),
      secretKeyFile: file().describe('32 random bytes that make uaids and endpoint tokens'),
      signingKeyFile: file().describe('signs requests to gateways; two keys during a rotation'),
      store: storeUrl(folder).describe('sqlite:<file> or sqlite::memory:'),
      idleCloseMs: amount(10_000, 100, ms.day).describe(
        'a wakeable device is closed with 4774 after this much silence',
      ),
      networks: z.array(network).prefault([]).describe('networks whose devices can be woken'),
      helloTimeoutMs: amount(30_000, 100, ms.hour).describe('a socket without a hello is closed'),
      resendMs: amount(60_000, 100, ms.hour).describe('an unacked update is sent again'),
      frameBytesMax: amount(20_480, 256, 1 << 20).describe('larger frames end the socket (1009)'),
      outboundBytesMax: amount(262_144, 4_096, 1 << 26).describe(
        'a device that does not read is closed beyond this much',
      ),
      hellosPerSecond: amount(500, 1).describe(
        'further devices are closed with 1013 and told when to come back',
      ),
      channelsPerDeviceMax: amount(500, 1, 100_000).describe('further registers get 460'),
      socketsMax: amount(100_000, 1).describe('further sockets get 503'),
      socketsPerAddressMax: amount(20_000, 1).describe(
        'further sockets of one remote address get 503; behind the NAT of an operator are many devices',
      ),
      connectionsMax: amount(20_000, 1).describe(
        'further TCP connections are closed; those of device sockets do not count',
      ),
      connectionsPerAddressMax: amount(5_000, 1).describe(
        'of these, those of one remote address; not those of trustedProxies',
      ),
      requestsPerAddressPerSecond: amount(10_000, 1).describe(
        'further requests of one app server, known by its address, get 429',
      ),
      bodyBytesMax: amount(4_096, 16, 1 << 20).describe('a larger body for /v1/notify gets 413'),
      messageBytesMax: amount(4_096, 4_096, 1 << 16).describe(
        'a larger message gets 413; RFC 8030 demands that 4096 bytes are taken',
      ),
      ttlMaxSeconds: amount(30 * (ms.day / ms.second), 0, 365 * (ms.day / ms.second)).describe(
        'messages are kept no longer, whatever TTL they ask for',
      ),
      messagesPerDeviceMax: amount(100, 1, 1_000).describe(
        'beyond this many pending messages of a device its oldest are dropped, those of low urgency first',
      ),
      messagesEndedPerDeviceMax: amount(1_000, 1, 10_000).describe(
        'of so many messages of a device that ended last it can be asked what became of them',
      ),
      gatherNormalMs: amount(5_000, 0, ms.hour).describe(
        'a wakeup for messages of normal urgency waits this long for others to join it, and for half of their time to live at most',
      ),
      messageStatusMs: amount(ms.day, 0, 365 * ms.day).describe(
        'how long after its end the status and the receipt of a message can be read',
      ),
      receiptWaitMaxMs: amount(ms.minute, 0, ms.hour).describe(
        'a request for receipts is held no longer, whatever it asks for',
      ),
      receiptWaitersMax: amount(1_000, 1, 100_000).describe(
        'requests for receipts that are held at a time; further ones get 503',
      ),
      receiptWaitersPerAddressMax: amount(100, 1, 100_000).describe(
        'of these, those of one app server, known by its address',
      ),
      recoveryMs: amount(7 * ms.day, 0, 365 * ms.day).describe(
        'after an empty start, unknown devices get 503 instead of 404 for this long',
      ),
      vacantDeviceMs: amount(ms.hour, ms.minute, 365 * ms.day).describe(
        'a device without a channel and without a socket is forgotten so long after its last hello',
      ),
      wakeupLeaseMs: amount(12 * ms.hour, 1_000, 365 * ms.day).describe(
        'how long an address is believed after the device said it; then the device is dark',
      ),
      legacyTrust: legacyTrust()
        .prefault('range')
        .describe(
          'whose address is believed of those that cannot prove it: range, every one in range; egress, those whose socket comes from egress of their network; never',
        ),
      legacyProbationMs: amount(ms.day, 1_000, 365 * ms.day).describe(
        'a device that was dark and can prove nothing is believed again at its first hello after this long',
      ),
      proofRetryMs: amount(8_000, 100, ms.hour).describe(
        'an address that gave no proof is asked again after this long, then after twice as long each time',
      ),
      proofTargetsMax: amount(100_000, 1).describe(
        'addresses that may be without a proof at a time; others are not asked',
      ),
      wakeupRetryFloorMs: amount(8_000, 100, ms.hour).describe(
        'how long a device has at least to come back; longer where the network is slower, and doubled after each attempt',
      ),
      wakeupAttemptsMax: amount(5, 1, 100).describe(
        'wakeups without a hello after which the device is dark',
      ),
      wakeupQueueMax: amount(10_000, 1).describe(
        'wakeups of a network that wait for their turn in each lane, prompt and bulk; others stay in the store until there is room',
      ),
      wakeupsUnderWayMax: amount(2_000, 1).describe(
        'wakeups of a network that wait for the answer of a gateway',
      ),
      bulkAbovePerSecond: amount(100, 1).describe(
        'versions of one app server beyond this rate wake after those of the others',
      ),
      circuitWakeupsMin: amount(20, 1, 10_000).describe(
        'wakeups that must have ended before a network is judged by them',
      ),
      circuitSuccessMin: z
        .number()
        .min(0)
        .max(1)
        .default(0.1)
        .describe(
          'when a smaller part of the last wakeups brought a device back, the devices of that network keep their sockets',
        ),
      circuitOpenMs: amount(ms.minute, 100, ms.day).describe(
        'so long after the last wakeup in vain, devices of that network are put to sleep again',
      ),
      signPollMs: amount(2_000, 100, ms.hour).describe(
        'how often gateways are asked for negative signs while wakeups are awaited',
      ),
      gatewayPollMs: amount(10_000, 100, ms.hour).describe(
        'how often gateways are asked what they serve',
      ),
      gatewayTimeoutMs: amount(5_000, 100, ms.minute).describe('then another gateway is tried'),
      gatherMs: amount(5, 0, 1_000).describe('wakeups gather this long into one request'),
      wakeupsMax: amount(20_000, 1).describe('wakeups waiting or under way per gateway'),
      storeQueueMax: amount(50_000, 100).describe('calls that may wait for the disk; beyond: 503'),
      drainMs: amount(5_000, 0, ms.hour).describe('how long each part may take to stop'),
      drainSpreadMs: amount(3_000, 0, ms.hour).describe(
        'at the end devices are closed (1012) over this long, at most over 3/5 of drainMs',
      ),
      log: logSchema,
    })
    .refine(({ publicUrl, listen }) => publicUrl !== undefined || isLoopbackHost(listen.host), {
      path: ['publicUrl'],
      message: 'is required when listen is not a loopback address: what do app servers reach?',
      // Told together with what is wrong elsewhere, as soon as there is a listen to judge by.
      when: ({ value }) => hasListenHost(value),
    });
}

export type CentralConfig = z.infer<ReturnType<typeof schemaFor>>;
export type NetworkConfig = CentralConfig['networks'][number];

function legacyTrust() {
  return z.enum(legacyTrusts);
}

function range() {
  return z.string().transform((text, context): Prefix => {
    const parsed = parsePrefix(text);
    if (typeof parsed !== 'string') return parsed;
    const message =
      parsed === 'host-bits' ? 'has host bits set' : 'is no CIDR range such as 10.0.0.0/8';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

function hasListenHost(value: unknown): boolean {
  return typeof (value as { listen?: { host?: unknown } } | null)?.listen?.host === 'string';
}

// It stands in front of every endpoint URL.
const publicUrlPattern = /^https?:\/\/[^\s/?#@\\]+(\/[^\s?#\\]*)?$/;

/** In the form in which clients write its origin: a host in small letters, no port that goes without saying. */
function publicUrl() {
  return z
    .string()
    .refine((text) => publicUrlPattern.test(text) && URL.canParse(text), {
      message: 'write a URL such as https://push.example',
    })
    .transform((text) => new URL(text).href.replace(/\/+$/, ''))
    .optional();
}

function gatewayUrl() {
  return z.string().refine(
    (text) => {
      const url = URL.canParse(text) && !/\s/.test(text) ? new URL(text) : undefined;
      // Nothing but a scheme, a host and a port: no user, path, query or fragment.
      if (url?.href !== `${url?.origin}/`) return false;
      const host = url.hostname.replace(/^\[|\]$/g, '');
      return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(host));
    },
    { message: 'write https://<host>:<port> (http on a loopback address only)' },
  );
}

function storeUrl(folder: string) {
  return z
    .string()
    .transform((text, context) => {
      const parsed = parseStoreUrl(text, folder);
      if (parsed) return parsed;
      context.addIssue({ code: 'custom', message: 'write sqlite:<file> or sqlite::memory:' });
      return z.NEVER;
    })
    .prefault('sqlite:central.db');
}
