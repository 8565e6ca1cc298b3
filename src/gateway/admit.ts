/** May this caller make this call? Pure look-ups in memory. */

import type { Model, Models } from '../catalog/model.js';
import type { Endpoint } from '../formats/format-id.js';
import { aliased, mayComeFrom, mayUseEndpoint, mayUseModel } from '../identity/allow.js';
import type { Caller } from '../identity/key.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';

export function admit(caller: Caller, endpoint: Endpoint, name: string, ip: string, models: Models): Result<Model> {
  const { key } = caller;
  if (!mayComeFrom(key, ip)) {
    return refused(refuse('ip_not_allowed', 'This key may not be used from your address. Ask its owner to allow it.'));
  }
  if (!mayUseEndpoint(key, endpoint)) {
    return refused(
      refuse(
        'endpoint_not_allowed',
        `This key may not use the ${endpoint} endpoint. It may use: ${key.endpoints?.join(', ')}.`,
      ),
    );
  }
  const real = aliased(caller, name);
  const model = models.get(real);
  // What a key may not use it is told apart from what does not exist only where it may list it.
  if (model && !mayUseModel(key, real) && !mayUseModel(key, name)) {
    return refused(
      refuse(
        'model_not_allowed',
        `This key may not use the model '${shown(name)}'. GET /v1/models lists what it may use.`,
        { param: 'model' },
      ),
    );
  }
  if (!model) {
    return refused(
      refuse('model_not_found', `The model '${shown(name)}' does not exist. GET /v1/models lists the models.`, {
        param: 'model',
      }),
    );
  }
  return ok(model);
}

const shown = (name: string): string => (name.length > 100 ? `${name.slice(0, 100)}...` : name);
