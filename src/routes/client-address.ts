/** Where a request comes from: the peer of the connection, unless that is one of our own proxies, which says for whom it asks. */
import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { ClientRequest } from '../front/client.js';
import { clientAddress } from '../lib/forwarded.js';
import { withoutMapping } from './headers.js';

export type Ranges = (address: string) => boolean;

/** A question about addresses: whether one lies in any of these addresses and blocks. */
export function rangesOf(written: readonly string[]): Ranges {
  const blocks = written.map((text) => {
    if (text.includes('/')) return ipaddr.parseCIDR(text);
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128] as [ipaddr.IPv4 | ipaddr.IPv6, number];
  });
  return (text) => {
    if (blocks.length === 0 || !ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return blocks.some(
      ([base, bits]) => base.kind() === address.kind() && (address as ipaddr.IPv6).match(base as ipaddr.IPv6, bits),
    );
  };
}

interface Peer {
  readonly ip: string;
  readonly trusted: boolean;
}

export class ClientAddress {
  readonly #trusted: Ranges;
  readonly #peers = new WeakMap<Socket, Peer>();

  constructor(trustProxy: readonly string[]) {
    this.#trusted = rangesOf(trustProxy);
  }

  of(request: ClientRequest): Peer {
    const peer = this.#peer(request.socket);
    if (!peer.trusted) return peer;
    const ip = clientAddress(peer.ip, request.headers, this.#trusted);
    return ip === peer.ip ? peer : { ip, trusted: true };
  }

  #peer(socket: Socket): Peer {
    let peer = this.#peers.get(socket);
    if (!peer) {
      const ip = withoutMapping(socket.remoteAddress ?? '');
      peer = { ip, trusted: this.#trusted(ip) };
      this.#peers.set(socket, peer);
    }
    return peer;
  }
}
