// A network is one MCC-MNC with its netid (ITU-T E.212; 3GPP TS 23.003 clause 2.2). One operator has several
// address pools and pools overlap, so an address means something only together with its network.

declare const networkKeyBrand: unique symbol;
/** `214-07`, or `214-07/net-b` where the netid is not the default one. Made by the parsers below only. */
export type NetworkKey = string & { readonly [networkKeyBrand]: true };

/** Which networks somebody may use; `undefined` is all. */
export type NetworkScope = ReadonlySet<NetworkKey> | undefined;

/** The parts of a key. `mnc` stays text: 07 and 007 are different networks. */
export interface NetworkParts {
  mcc: string;
  mnc: string;
  netid: string;
}

const mccPattern = /^[0-9]{3}$/;
const mncPattern = /^[0-9]{2,3}$/;
const netidPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const plmnPattern = /^([0-9]{3})-([0-9]{2,3})$/;

/** The netid of a network that names none. */
export function defaultNetid(mcc: string, mnc: string): string {
  return `${mcc}-${mnc}.default`;
}

/** The key of (mcc, mnc, netid); `undefined` when one of them is not of its form. Never throws. */
export function networkKey(mcc: unknown, mnc: unknown, netid?: unknown): NetworkKey | undefined {
  if (typeof mcc !== 'string' || !mccPattern.test(mcc)) return undefined;
  if (typeof mnc !== 'string' || !mncPattern.test(mnc)) return undefined;
  const plmn = `${mcc}-${mnc}`;
  if (netid === undefined || netid === null || netid === '') return plmn as NetworkKey;
  if (typeof netid !== 'string' || !netidPattern.test(netid)) return undefined;
  const key = netid === defaultNetid(mcc, mnc) ? plmn : `${plmn}/${netid}`;
  return key as NetworkKey;
}

/** The key of a `network` text such as `214-07` and an optional netid, as configuration and wire name them apart. */
export function networkKeyOf(plmn: unknown, netid?: unknown): NetworkKey | undefined {
  const match = typeof plmn === 'string' ? plmnPattern.exec(plmn) : null;
  return match ? networkKey(match[1], match[2], netid) : undefined;
}

/** Reads a key in text, `214-07` or `214-07/net-b`, into its one canonical form. Never throws. */
export function parseNetworkKey(text: unknown): NetworkKey | undefined {
  if (typeof text !== 'string') return undefined;
  const slash = text.indexOf('/');
  if (slash < 0) return networkKeyOf(text);
  return slash === text.length - 1
    ? undefined
    : networkKeyOf(text.slice(0, slash), text.slice(slash + 1));
}

export function networkParts(key: NetworkKey): NetworkParts {
  const slash = key.indexOf('/');
  const plmn = slash < 0 ? key : key.slice(0, slash);
  const mcc = plmn.slice(0, 3);
  const mnc = plmn.slice(4);
  return { mcc, mnc, netid: slash < 0 ? defaultNetid(mcc, mnc) : key.slice(slash + 1) };
}

/** The MCC-MNC of a key, without its netid. */
export function plmnOf(key: NetworkKey): string {
  const { mcc, mnc } = networkParts(key);
  return `${mcc}-${mnc}`;
}
