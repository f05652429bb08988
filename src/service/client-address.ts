import { isIPv6 } from 'node:net';

/**
 * Whom limits count a client's address for: the address, spelled one way. Of IPv6 the network, which is the first half:
 * a single client has all addresses of it (RFC 4291, 2.5.4). Names are taken as they are.
 */
export function clientKey(address: string): string {
  const [plain = ''] = address.toLowerCase().split('%'); // The zone says which of our links it came by.
  if (!isIPv6(plain)) return plain;
  const groups = expand(new URL(`http://[${plain}]`).hostname.slice(1, -1));
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return dotted(groups.slice(6)); // IPv4, mapped
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/**
 * What PAM is told of where the user comes from. logind calls a session remote only if the host is not a name of this
 * machine (pam_systemd(8)), and mutter goes headless only in a remote session.
 */
export function remoteHost(address: string | undefined): string {
  return address === undefined || address === '' || /(^|\.)(localhost|localdomain)\.?$/i.test(address)
    ? '0.0.0.0'
    : address;
}

/** The eight groups of an IPv6 address as URLs have it: no leading zeros, one gap at most. */
function expand(address: string): string[] {
  const [before = [], after = []] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
}

function dotted(groups: readonly string[]): string {
  return groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((number) => [number >> 8, number & 0xff])
    .join('.');
}
