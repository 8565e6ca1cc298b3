/**
 * Names of upstreams and the addresses behind them, looked up again and again: when the records change, connections to come
 * go to the new addresses, and what runs on the old ones ends as it would have. A name that cannot be looked up keeps its last
 * addresses. The system's resolver (with `/etc/hosts`) is asked, or the name servers that the route names; SRV records always
 * come from name servers.
 */
import { Resolver, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

export interface Address {
  readonly address: string;
  readonly family: number;
}

export interface Service {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** What is asked; tests bring their own. */
export interface NameSource {
  addresses(host: string): Promise<readonly Address[]>;
  services(host: string): Promise<readonly Service[]>;
}

export function nameSource(servers: readonly string[] | undefined): NameSource {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (servers && servers.length > 0) resolver.setServers(servers);
  const ask = (way: 'resolve4' | 'resolve6', host: string): Promise<string[]> =>
    new Promise((resolve, reject) => resolver[way](host, (error, found) => (error ? reject(error) : resolve(found))));
  return {
    addresses: async (host) => {
      if (!servers || servers.length === 0) {
        return await new Promise((resolve, reject) =>
          systemLookup(host, { all: true }, (error, found) => (error ? reject(error) : resolve(found))),
        );
      }
      const [four, six] = await Promise.allSettled([ask('resolve4', host), ask('resolve6', host)]);
      const found = [
        ...(four.status === 'fulfilled' ? four.value : []).map((address) => ({ address, family: 4 })),
        ...(six.status === 'fulfilled' ? six.value : []).map((address) => ({ address, family: 6 })),
      ];
      if (found.length === 0 && four.status === 'rejected') throw four.reason;
      return found;
    },
    services: (host) =>
      new Promise((resolve, reject) =>
        resolver.resolveSrv(host, (error, found) => (error ? reject(error) : resolve(found))),
      ),
  };
}

const keyOf = (addresses: readonly Address[]): string =>
  addresses
    .map(({ address }) => address)
    .sort()
    .join(' ');

/** The addresses of one name. */
export class HostAddresses {
  readonly #host: string;
  readonly #source: NameSource;
  readonly #onChange: () => void;
  #addresses: readonly Address[] = [];
  #turn = 0;
  #asking: Promise<void> | undefined;

  constructor(host: string, source: NameSource, onChange: () => void) {
    this.#host = host;
    this.#source = source;
    this.#onChange = onChange;
  }

  static isName = (host: string): boolean => isIP(host.replace(/^\[|\]$/g, '')) === 0;

  /** One look-up at a time. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const found = await this.#source.addresses(this.#host);
    if (found.length === 0) return;
    const changed = this.#addresses.length > 0 && keyOf(found) !== keyOf(this.#addresses);
    this.#addresses = found;
    if (changed) this.#onChange();
  }

  /** For `net.connect`: the known addresses, each connection beginning with the next one. */
  readonly lookup: LookupFunction = (_host, options, callback) => {
    const answer = (): void => {
      const all = this.#addresses;
      if (all.length === 0) return callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), '', 0);
      const turn = this.#turn++ % all.length;
      const turned = [...all.slice(turn), ...all.slice(0, turn)];
      const fitting =
        options.family === 4 || options.family === 6
          ? turned.filter(({ family }) => family === options.family)
          : turned;
      if (options.all) return callback(null, fitting as Address[]);
      const first = fitting[0];
      if (!first) return callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), '', 0);
      return callback(null, first.address, first.family);
    };
    if (this.#addresses.length > 0) return answer();
    this.refresh().then(answer, (error: NodeJS.ErrnoException) => callback(error, '', 0));
  };
}
