/**
 * How requests of each format reach a target: found once, when the snapshot is made. A format without a carrier is refused in
 * words that name both sides.
 */
import type { FormatId } from '../formats/format-id.js';
import type { MediaKind } from '../formats/media-kind.js';
import { apiFormat, apiFormats, type UpstreamFormat, upstreamFormats } from '../formats/registry.js';
import type { ModelRequest } from '../formats/request.js';
import type { AttemptTerms, TargetFacts, Translation } from '../formats/translation.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { ProviderSettings } from '../lib/provider-settings.js';
import { then } from '../lib/then.js';
import type { Path, PathFacts, ProviderType, Spoken, SpokenFormat } from '../provider/provider-type.js';
import type { Signer } from '../provider/signers.js';
import { translatorFor } from '../translate/registry.js';
import type { UpstreamCall } from '../upstream/attempt.js';
import type { Model, Target } from './model.js';
import { wrapped } from './wrapped.js';

export interface Carrier extends UpstreamFormat {
  /** The format that the target is spoken to in. */
  readonly speaks: FormatId;
  /** Where requests go: those for a whole answer, and those for a stream. */
  readonly to: Readonly<Record<'whole' | 'stream', UpstreamCall['to']>>;
  /** Where the target counts the tokens of such requests itself; null: nowhere. */
  readonly countsAt: UpstreamCall['to'] | null;
  /** Headers of the caller that go on to the target, in lower case. */
  readonly passes: readonly string[];
  /**
   * For each of the provider's credentials, in the order of `state.slots`, names and values in turn: the credential, the API
   * version, what the configuration adds.
   */
  readonly headers: readonly (readonly string[])[];
  translate(request: ModelRequest, terms: AttemptTerms): Result<Translation> | Promise<Result<Translation>>;
}

export type Carriers = Readonly<Partial<Record<FormatId, Carrier>>>;

/** How a model of an account is spoken to. */
export interface AccountSpeech {
  /** Names of formats, where the configuration states them. */
  readonly speaks: readonly string[] | null;
  readonly settings: ProviderSettings;
  /** Which model it is, where its name at the provider does not say so. */
  readonly baseModel: string;
}

/** The formats that a model of an account is spoken to in. */
function spokenWith(type: ProviderType, { speaks, baseModel, settings }: AccountSpeech): Spoken {
  const all = { ...type.maySpeak, ...type.speaks };
  const ofModel = type.formatsOf?.(baseModel, settings);
  const named = Object.keys(all).filter((id) => (speaks ? speaks.includes(id) : Object.hasOwn(type.speaks, id)));
  return Object.fromEntries(
    Object.entries(all).filter(([id]) => named.includes(id) && (ofModel?.includes(id as FormatId) ?? true)),
  );
}

/** How requests get there. */
export interface AccountReach {
  to(path: string): UpstreamCall['to'];
  /** The headers with each credential, and with those that a format has for itself. */
  headers(more: Signer | undefined): readonly (readonly string[])[];
}

export function carriersOf(
  type: ProviderType,
  account: AccountSpeech,
  reach: AccountReach,
  facts: TargetFacts,
  configuredHeaders: readonly string[] | null,
): Carriers {
  const spoken = spokenWith(type, account);
  const ids = new Set(Object.keys(spoken) as FormatId[]);
  const always = configuredHeaders ?? type.passHeaders?.always ?? [];
  const carriers: Partial<Record<FormatId, Carrier>> = {};
  const lacks = lacksOf(facts, type.readsFiles ?? false);
  for (const { id, saidIn } of apiFormats) {
    const translator = translatorFor(id, ids);
    if (!translator) continue;
    const { path, headers, wrapping } = spokenFormat(spoken[translator.to]!);
    const pathFacts = (stream: boolean): PathFacts => ({
      ...{ model: encodeURIComponent(facts.model), stream, settings: account.settings },
    });
    const to = (stream: boolean) => reach.to(typeof path === 'string' ? path : path(pathFacts(stream)));
    const counting = translator.to === id ? type.counts?.[id] : undefined;
    // What the other format cannot express the translator refuses with its own words, or leaves out where that was agreed to.
    const { holds } = upstreamFormats[translator.to];
    const leavesOut = facts.dropParams && translator.from !== translator.to;
    const sent = leavesOut ? lacks.filter((one) => one === 'tools' || holds.includes(one)) : lacks;
    const unread = sent.filter((one) => one !== 'tools');
    const readable = (request: ModelRequest, terms: AttemptTerms) =>
      then(translator.translate(request, facts, terms), (made): Result<Translation> => {
        const lack = made.ok ? lackIn(request, sent, unread) : undefined;
        return lack === undefined ? made : refused(cannotRead(lack, saidIn, facts));
      });
    carriers[id] = {
      ...upstreamFormats[translator.to],
      ...(translator.boundsMaximum && { namesMaximum: true }),
      speaks: translator.to,
      to: { whole: to(false), stream: to(true) },
      countsAt:
        counting === undefined ? null : reach.to(typeof counting === 'string' ? counting : counting(pathFacts(false))),
      headers: reach.headers(headers),
      passes: translator.to === id ? [...always, ...(type.passHeaders?.native ?? [])] : always,
      translate: (request, terms) => {
        const carried = sent.length === 0 ? translator.translate(request, facts, terms) : readable(request, terms);
        if (!wrapping) return carried;
        return then(carried, (made) => (made.ok ? ok(wrapped(made.value, wrapping, pathFacts(request.stream))) : made));
      },
    };
  }
  return carriers;
}

const media = { image: 'an image', audio: 'sound', video: 'a film', file: 'a file' } as const;
type Lack = MediaKind | 'tools';

/**
 * What a request may have and the model does not read. Of files the table knows little, for some providers turn them into text: a
 * model reads none where that is stated, or where it reads text alone and its provider does no such thing.
 */
function lacksOf({ abilities, stated }: TargetFacts, readsFiles: boolean): readonly Lack[] {
  const input = abilities?.input;
  const tools: readonly Lack[] = stated?.tools === false ? ['tools'] : [];
  if (!input) return tools;
  const noFiles = stated?.input ? !input.includes('file') : !readsFiles && input.every((kind) => kind === 'text');
  const unread = (['image', 'audio', 'video'] as const).filter((kind) => !input.includes(kind));
  return [...tools, ...unread, ...(noFiles ? (['file'] as const) : [])];
}

/** The first that the request has. Its parts are looked through once for all kinds. */
function lackIn({ facts }: ModelRequest, lacks: readonly Lack[], unread: readonly MediaKind[]): Lack | undefined {
  if (lacks.includes('tools') && facts.has('tools')) return 'tools';
  if (unread.length === 0) return undefined;
  return facts.holdsAny(unread) ?? (unread.includes('audio') && facts.billable.audioOutput ? 'audio' : undefined);
}

function cannotRead(lack: Lack, saidIn: string, { id, abilities }: TargetFacts): Refusal {
  if (lack === 'tools') {
    const words = `The model behind ${id} calls no tools. Leave them out or ask for another model.`;
    return refuse('unsupported_parameter', words, { param: lack });
  }
  const reads = (abilities?.input ?? []).join(', ');
  const words =
    `The request holds ${media[lack]}, and the model behind ${id} reads ${reads} only. Leave it out or ask for another model. ` +
    "Where that is not so, the configuration says what the model reads: 'abilities: { input: [...] }'.";
  return refuse('unsupported_parameter', words, { param: saidIn });
}

const spokenFormat = (spoken: Path | SpokenFormat): SpokenFormat =>
  typeof spoken === 'object' ? spoken : { path: spoken };

/** The request as the target's format has it, or why it cannot be carried there. */
export function carry(
  request: ModelRequest,
  model: Model,
  target: Target,
  terms: AttemptTerms,
): ReturnType<Carrier['translate']> {
  const carrier = target.carriers[request.format];
  return carrier ? carrier.translate(request, terms) : refused(cannotServe(request.format, model, target));
}

function cannotServe(format: FormatId, { name }: Model, { id, carriers }: Target): Refusal {
  const names = (Object.keys(carriers) as FormatId[]).map((one) => apiFormat(one).name);
  const served = names.join(', ').replace(/, (?=[^,]{1,100}$)/, ' and ');
  const words = `The model '${name}' cannot serve ${apiFormat(format).name}: its target ${id} has ${served} only. Ask for another model.`;
  return refuse('unsupported_endpoint', words, { param: 'model' });
}
