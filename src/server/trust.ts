/**
 * Which proxies are believed when they say whose request they pass on. The list may change while the server runs; it is
 * compiled once per list.
 */
import { BlockList, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** As Fastify's `trustProxy`: `addresses` answers the addresses and CIDR blocks that are trusted now. */
export function trusts(addresses: () => readonly string[]): (address: string) => boolean {
  let compiled: readonly string[] | undefined;
  let list = new BlockList();
  return (address) => {
    const now = addresses();
    if (now.length === 0) return false;
    if (now !== compiled) {
      list = blockList(now);
      compiled = now;
    }
    const bare = address.split('%', 1)[0]!;
    const version = isIP(bare);
    return version !== 0 && list.check(bare, version === 6 ? 'ipv6' : 'ipv4');
  };
}

function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address, bits] = block.includes('/') ? ipaddr.parseCIDR(block) : [ipaddr.parse(block), null];
    if (bits === null) list.addAddress(address.toString(), address.kind());
    else list.addSubnet(address.toString(), bits, address.kind());
  }
  return list;
}
