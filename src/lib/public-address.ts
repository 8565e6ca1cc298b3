/**
 * Which addresses the gateway may be sent to by a URL that somebody else wrote. Only what is globally routable is public; an
 * IPv4 address inside an IPv6 one (mapped, NAT64) is judged as what it is. `private` allows networks of one's own, but never
 * link-local addresses and their like: that is where clouds keep credentials.
 */
import ipaddr from 'ipaddr.js';

export type Reach = 'public' | 'private';

/** Of clouds, where the metadata of a machine is to be had at an address that looks public, or at one of a private range. */
const METADATA = new Set(['168.63.129.16', '100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254']);
const OWN_NETWORKS = new Set(['private', 'loopback', 'carrierGradeNat', 'uniqueLocal']);
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');

/** Whether a connection to the address may be made. What is no address may not. */
export function isReachable(address: string, reach: Reach): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  if (!ipaddr.isValid(bare)) return false;
  const parsed = unwrapped(ipaddr.process(bare));
  if (METADATA.has(parsed.toString())) return false;
  const range = parsed.range();
  if (reach === 'private' && OWN_NETWORKS.has(range)) return true;
  return range === 'unicast' && (parsed.kind() === 'ipv4' || parsed.match(GLOBAL_IPV6));
}

function unwrapped(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address.kind() === 'ipv4' || !address.match(NAT64)) return address;
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

/** Why a URL cannot be one that events are sent to, or null. Names are looked up later, when there is a connection to make. */
export function urlProblem(written: string, reach: Reach): string | null {
  if (!URL.canParse(written) || !/^https?:\/\/[^/]/i.test(written)) {
    return 'expected a URL, such as https://hooks.example.com/tollgate';
  }
  const url = new URL(written);
  if (url.username || url.password) return 'credentials do not belong into a URL';
  if (url.hash) return 'a fragment is never sent';
  if (url.protocol === 'http:' && reach === 'public') return 'only https is allowed here';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(host) && !isReachable(host, reach)) return `the address ${host} is not allowed`;
  if (reach === 'public' && /^(localhost|.+\.(localhost|local|internal))\.?$/i.test(host)) {
    return `the name ${host} is private, which is not allowed`;
  }
  return null;
}
