/**
 * What a key may do: pure questions about a key, asked on each request. Patterns and address blocks are compiled once per
 * key, when it is first asked about, and forgotten with it. What cannot be understood is not allowed.
 */
import ipaddr from 'ipaddr.js';
import { anyOf } from '../lib/patterns.js';
import type { Caller, Key } from './key.js';

/** The longest model name that is compared at all. */
const LONGEST_NAME = 1_000;

type Matcher = ReturnType<typeof anyOf>;
type Block = [ipaddr.IPv4 | ipaddr.IPv6, number];

const modelMatchers = new WeakMap<Key, Matcher>();
const addressBlocks = new WeakMap<Key, readonly Block[]>();

/** Whether the key may use the model with this public name. */
export function mayUseModel(key: Key, model: string): boolean {
  if (key.models === null) return true;
  let matcher = modelMatchers.get(key);
  if (!matcher) modelMatchers.set(key, (matcher = anyOf(key.models)));
  return model.length <= LONGEST_NAME && matcher(model);
}

/** The model that a name stands for: by the key's own aliases, else by its team's, else itself. Not looked up twice. */
export function aliased({ key, team }: Caller, name: string): string {
  if (Object.hasOwn(key.aliases, name)) return key.aliases[name]!;
  return team && Object.hasOwn(team.aliases, name) ? team.aliases[name]! : name;
}

/** Every name that stands for a model of this caller. */
export const aliasesOf = ({ key, team }: Caller): Readonly<Record<string, string>> => ({
  ...team?.aliases,
  ...key.aliases,
});

/** Whether the key may use the endpoint (`chat`, `embeddings`, ...). */
export const mayUseEndpoint = (key: Key, endpoint: string): boolean =>
  key.endpoints === null || key.endpoints.includes(endpoint);

/** Whether the key may be used from `address`, an IPv4 or IPv6 address as the socket or a trusted proxy gives it. */
export function mayComeFrom(key: Key, address: string | undefined): boolean {
  if (key.allowed_ips === null) return true;
  let blocks = addressBlocks.get(key);
  if (!blocks) addressBlocks.set(key, (blocks = key.allowed_ips.map(parseBlock).filter((block) => block !== null)));
  const from = address === undefined ? null : parseAddress(address);
  return from !== null && blocks.some(([base, bits]) => base.kind() === from.kind() && contains(base, bits, from));
}

/** An address or a CIDR block as it may stand in `allowed_ips`; an IPv4-mapped IPv6 block is the IPv4 block. Null: neither. */
export function parseBlock(written: string): Block | null {
  const [address, bits, ...more] = written.split('/');
  const base = parseAddress(address ?? '', false);
  if (base === null || more.length > 0) return null;
  const width = base.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [base, width];
  if (!/^\d{1,3}$/.test(bits)) return null;
  const mapped = width === 32 && (address ?? '').includes(':');
  const length = Number(bits) - (mapped ? 96 : 0);
  return length >= 0 && length <= width ? [base, length] : null;
}

function parseAddress(written: string, zone = true): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const address = zone ? written.replace(/%.*$/, '') : written;
  if (address.includes('%')) return null;
  if (!address.includes(':')) return ipaddr.IPv4.isValidFourPartDecimal(address) ? ipaddr.IPv4.parse(address) : null;
  return ipaddr.IPv6.isValid(address) ? ipaddr.process(address) : null;
}

const contains = (base: Block[0], bits: number, from: Block[0]): boolean =>
  (from as ipaddr.IPv6).match(base as ipaddr.IPv6, bits);
