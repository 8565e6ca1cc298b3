/** A LiteLLM configuration as ours: text in, text out. What it lacks and what to know of it are its findings. */
import { LineCounter, parseDocument } from 'yaml';
import type { ProviderTypes } from '../config/references.js';
import { isObject, type Json } from '../lib/json.js';
import type { Written } from './accounts.js';
import { tellOthers } from './deployments.js';
import { Findings } from './findings.js';
import { modelsOf } from './models.js';
import { Origins } from './origins.js';
import { topReasons } from './reasons.js';
import { addSettings } from './settings.js';
import { loadable } from './verify.js';

export const MOST_BYTES = 4 * 2 ** 20;

const sections = ['model_list', 'router_settings', 'litellm_settings', 'general_settings', 'credential_list'];
const HEAD = '# Made from a configuration of LiteLLM by `tollgate import litellm`. `tollgate check` explains it.\n';

export type Imported =
  | { readonly ok: true; readonly yaml: string; readonly findings: Findings }
  /** `line` and `column` count from 1. */
  | { readonly ok: false; readonly line: number; readonly column: number; readonly message: string };

export function importLitellm(text: string, types: ProviderTypes): Imported {
  const read = readYaml(text);
  if (!read.ok) return read;
  const { value } = read;
  if (!sections.some((name) => Object.hasOwn(value, name)))
    return wrong(`is no configuration of LiteLLM: it has none of ${sections.join(', ')}`);
  const findings = new Findings();
  const origins = new Origins();
  const { providers, models } = modelsOf(value, findings, origins);
  const config: Written = {};
  addSettings(config, sectionsOf(value, findings), models, findings, origins);
  tellOthers(value, '', (name) => sections.includes(name), topReasons, findings, { candidates: sections });
  config['providers'] = Object.fromEntries(providers);
  config['models'] = Object.fromEntries(models);
  const made = loadable(config, types, findings, origins);
  if (!made.ok) return wrong(made.message);
  return { ok: true, yaml: `${HEAD}${made.yaml}`, findings };
}

const wrong = (message: string): Imported & { ok: false } => ({ ok: false, line: 1, column: 1, message });

function sectionsOf(value: Json, findings: Findings) {
  const section = (name: string): Json => {
    const written = value[name];
    if (isObject(written)) return written;
    if (written !== undefined && written !== null) findings.lacks(name, 'is no mapping');
    return {};
  };
  return {
    router: section('router_settings'),
    library: section('litellm_settings'),
    general: section('general_settings'),
  };
}

/** As LiteLLM reads it: YAML 1.1, in which `yes` is true. */
function readYaml(text: string): { readonly ok: true; readonly value: Json } | (Imported & { ok: false }) {
  const lines = new LineCounter();
  try {
    const doc = parseDocument(text, {
      version: '1.1',
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
      merge: true,
    });
    const error = doc.errors[0];
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      return { ok: false, line: Math.max(1, line), column: Math.max(1, col), message: error.message };
    }
    const value: unknown = doc.toJS({ maxAliasCount: 100 });
    return isObject(value) ? { ok: true, value } : wrong('is no configuration: a mapping is expected');
  } catch (fault) {
    return wrong(fault instanceof RangeError ? 'nested too deep' : (fault as Error).message);
  }
}
