/**
 * The body of a request as its upstream gets it. What nobody has to look into streams, or is kept whole where it is small. JSON
 * that is checked or changed is read whole, within the bounds of the route's `json`: depth and number of values are counted
 * while it comes, and the work on what is large is done in another thread.
 */
import { type Refusal, refuse } from '../lib/errors.js';
import { asBuffer } from '../lib/handed-over.js';
import { JsonBounds, type JsonExcess, type JsonLimits } from '../lib/json-bounds.js';
import { tooSlow } from '../lib/late.js';
import { FORM_TYPE, isForm } from './form.js';
import { FORM_TO_JSON } from './json-edit.js';
import { NOT_JSON } from './json-job.js';
import { LITTLE_BYTES, type Undone } from './json-work.js';
import { type ServeDeps, stands } from './policy.js';
import type { Route } from './route.js';
import { isJson, isReadable } from './transform.js';
import { type NoBody, readWhole, Upload } from './upload.js';
import type { Visit } from './visit.js';

const KEPT_BYTES = 64 * 1024;

export type Body = Buffer | Upload | null;
type MaybeLater<T> = T | Promise<T>;

/** What is kept of a body so that it can be sent again, or sent to a mirror. */
export const keptBytesOf = (route: Route): number => route.upstream?.config.retry?.buffer ?? KEPT_BYTES;

/** The body as it will be sent; undefined where it cannot be, and the client was told or is gone. */
export const bodyOf = (visit: Visit, route: Route, deps: ServeDeps): MaybeLater<Body | undefined> =>
  visit.hasBody ? sentBody(visit, route, deps) : missing(visit, route, deps);

async function sentBody(visit: Visit, route: Route, deps: ServeDeps): Promise<Body | undefined> {
  const { req } = visit;
  visit.wantBody();
  const limit = route.logOnly.has('body_limit') ? Number.POSITIVE_INFINITY : route.bodyLimit;
  const readable = isReadable(req.headers['content-type']);
  if ((route.bodyEdit !== null && readable) || route.validation?.schema != null)
    return jsonBody(visit, route, limit, deps);
  const declared = req.headers['content-length'];
  if (route.upstream && (declared === undefined || Number(declared) > keptBytesOf(route)))
    return new Upload(req, limit);
  const bytes = await readWhole(req, limit);
  if (typeof bytes === 'string') return noBody(visit, bytes, limit, 'body_limit');
  return bytes;
}

async function jsonBody(visit: Visit, route: Route, limit: number, deps: ServeDeps): Promise<Buffer | undefined> {
  const { req } = visit;
  const { largestBytes, limits } = route.json;
  const most = Math.min(limit, largestBytes);
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    return told(visit, refuse('unsupported_media_type', 'Send the body without content-encoding.'));
  const type = req.headers['content-type'];
  const cameAsForm = isForm(type);
  const read = await readWhole(req, most, cameAsForm ? new FormBounds(limits) : new JsonBounds(limits));
  if (typeof read === 'string') return noBody(visit, read, most, most < limit ? 'json.largest' : 'body_limit');
  // The form itself is only wanted where nothing becomes of it but the JSON that is checked.
  const asJson = cameAsForm ? await fromForm(visit, route, route.bodyEdit ? read : Buffer.from(read)) : read;
  if (asJson === undefined) return undefined;
  const { wrong, bytes } = await checked(asJson, route);
  if (wrong && stands(visit, route, 'validate', wrong, deps)) return told(visit, wrong);
  if (!route.bodyEdit || !(cameAsForm || isJson(type))) return cameAsForm ? read : bytes;
  const asForm = (route.bodyEdit.send ?? (cameAsForm ? 'form' : 'json')) === 'form';
  const edited = await route.work.run('edit', { ...route.bodyEdit.planFor(visit), asForm }, bytes);
  if (visit.gone) return undefined;
  if ('undone' in edited) return told(visit, undoneRefusal(edited.undone));
  if (edited.done !== undefined) {
    if (asForm !== cameAsForm) visit.bodyType = asForm ? FORM_TYPE : 'application/json';
    return asBuffer(edited.done);
  }
  const what = asForm ? 'a JSON object that can be sent as a form' : 'a JSON object';
  return told(visit, refuse('invalid_json', `The body is not ${what}.`, { param: 'body' }));
}

async function fromForm(visit: Visit, route: Route, bytes: Buffer): Promise<Buffer | undefined> {
  const worked = await route.work.run('edit', FORM_TO_JSON, bytes);
  if (visit.gone) return undefined;
  return 'undone' in worked ? told(visit, undoneRefusal(worked.undone)) : asBuffer(worked.done ?? NO_BODY);
}

/**
 * What its schema says of a body; no body at all is checked as an empty object. A thread that fails does not give back what it was
 * handed, so where the body goes on whatever is found, the thread has a copy.
 */
async function checked(body: Buffer, route: Route): Promise<{ readonly wrong?: Refusal; readonly bytes: Buffer }> {
  const schema = route.validation?.schema;
  if (schema == null) return { bytes: body };
  const isMissing = body.length === 0;
  const keepsBody = route.logOnly.has('validate') && body.length > LITTLE_BYTES;
  const worked = await route.work.run('check', schema, isMissing ? NO_BODY : keepsBody ? Buffer.from(body) : body);
  if ('undone' in worked) return { wrong: undoneRefusal(worked.undone), bytes: body };
  const bytes = isMissing || keepsBody ? body : worked.bytes;
  return worked.done === undefined ? { bytes } : { wrong: wrongBody(worked.done, isMissing), bytes };
}

function wrongBody(why: string, isMissing: boolean): Refusal {
  if (isMissing) return refuse('invalid_request', `The body is missing: ${why}.`, { param: 'body' });
  if (why === NOT_JSON) return refuse('invalid_json', 'The body is not JSON.', { param: 'body' });
  return refuse('invalid_request', `The body: ${why}.`, { param: 'body' });
}

/** The fields of a form, counted while it comes. */
class FormBounds {
  readonly #limits: JsonLimits;
  #fields = 1;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  read(bytes: Uint8Array): JsonExcess | null {
    for (let at = bytes.indexOf(AMPERSAND); at !== -1; at = bytes.indexOf(AMPERSAND, at + 1))
      if (++this.#fields > this.#limits.values) return 'too_many';
    return null;
  }
}
const AMPERSAND = 0x26;

const NOTHING = Buffer.alloc(0);
const NO_BODY = Buffer.from('{}');
/** Methods whose requests have a body where their route has a schema for it. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'QUERY']);

function missing(visit: Visit, route: Route, deps: ServeDeps): MaybeLater<null | undefined> {
  if (route.validation?.schema == null || !WITH_BODY.has(visit.method)) return null;
  return checked(NOTHING, route).then(({ wrong }) =>
    wrong && stands(visit, route, 'validate', wrong, deps) ? told(visit, wrong) : null,
  );
}

function noBody(visit: Visit, why: NoBody, limit: number, name: string): undefined {
  if (why === 'broken') return undefined;
  if (why === 'slow') return told(visit, refuse('request_timeout', tooSlow));
  if (why === 'too_large')
    return told(visit, refuse('request_too_large', `The request body is larger than ${limit} bytes (${name}).`));
  const what = why === 'too_deep' ? 'nests too deeply (json.depth)' : 'has too many values (json.values)';
  return told(visit, refuse('invalid_json', `The body ${what}.`, { param: 'body' }));
}

function undoneRefusal(why: Undone): Refusal {
  if (why === 'failed') return refuse('request_too_large', 'The body takes too long to be looked into.');
  const message = 'Too many large bodies wait to be looked into. Try again in a moment.';
  return refuse('overloaded', message, { headers: { 'retry-after': '1' } });
}

function told(visit: Visit, refusal: Refusal): undefined {
  visit.refuse(refusal);
  return undefined;
}
