/** Claude on Vertex AI takes the bodies of Anthropic's API with its version in them, and the model in the path instead. */
import { fieldRange, jsonFields, splice } from '../../formats/json-fields.js';
import type { Wrapping } from '../wrapping.js';

const VERSION = '"anthropic_version":"vertex-2023-10-16"';
const REPLACED: ReadonlySet<string> = new Set(['model', 'anthropic_version']);

export const claudeAtVertex: Wrapping = {
  body(body) {
    let bare = body;
    for (;;) {
      const found = jsonFields(bare)!;
      const at = found.fields.findIndex(({ name }) => REPLACED.has(name));
      if (at === -1) {
        const comma = found.fields.length > 0 ? ',' : '';
        return splice(bare, [{ start: found.end, end: found.end, with: comma + VERSION }]);
      }
      bare = splice(bare, [{ ...fieldRange(found, at), with: '' }]);
    }
  },
};
