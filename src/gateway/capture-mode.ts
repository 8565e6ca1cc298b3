/**
 * Whether a request is captured: of the key, the team and the models that the request may reach, the strictest that says
 * something; where none does, as the configuration has it for all.
 */
import type { Model, Models } from '../catalog/model.js';
import type { Caller } from '../identity/key.js';
import { type CaptureMode, strictestCapture } from '../lib/capture-spec.js';
import { reachableFrom } from './reachable.js';

const found = new WeakMap<Model, CaptureMode | null>();

export function captureModeOf({ key, team }: Caller, model: Model, models: Models): CaptureMode {
  const { content, byModel } = models.capture;
  const ofModel = byModel ? ofModels(model, models) : null;
  if (key.capture === null && !team?.capture && ofModel === null) return content;
  return strictestCapture([key.capture, team?.capture, ofModel]) ?? content;
}

function ofModels(model: Model, models: Models): CaptureMode | null {
  const known = found.get(model);
  if (known !== undefined) return known;
  const mode = strictestCapture(reachableFrom(model, models).map(({ capture }) => capture));
  found.set(model, mode);
  return mode;
}
