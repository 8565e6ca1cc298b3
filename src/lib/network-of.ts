/** Who an address is, for whatever is counted by address: whoever has one IPv6 address has all of its /64. */
import ipaddr from 'ipaddr.js';

/** An IPv4 address, also one inside IPv6, or the /64 of an IPv6 address; what is no address stands for itself. */
export function networkOf(address: string): string {
  const bare = address.replace(/%.*$/s, '');
  if (!ipaddr.isValid(bare)) return address;
  const parsed = ipaddr.process(bare);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const parts = (parsed as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${parts.join(':')}::/64`;
}
