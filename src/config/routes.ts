/**
 * Whether the rules of models lead somewhere: to models that there are, never in a circle, and always to one of them. Looks
 * at the value as it was read, valid or not, as all checks of references do.
 */

import { isObject } from '../lib/json.js';
import { anyOf } from '../lib/patterns.js';
import { entriesOf, field } from './json-members.js';
import { suggestion } from './suggest.js';
import type { Finding } from './validate.js';

interface Use {
  readonly model: string;
  readonly path: Finding['path'];
  readonly part: Finding['part'];
}

export function checkRoutes(config: unknown): Finding[] {
  const all = entriesOf(field(config, 'models'));
  const names = all.map(([name]) => name);
  const exists = anyOf(names); // a name may be a pattern
  const routes = new Map(all.flatMap(([name, model]) => (field(model, 'route') ? [[name, usesOf(name, model)]] : [])));
  const findings: Finding[] = [];
  for (const { model, path, part } of [...routes.values()].flat()) {
    if (!exists(model))
      findings.push({ path, part, message: `there is no model "${model}"${suggestion(model, names)}` });
  }
  for (const [name, model] of all) {
    findings.push(...endFindings(name, field(model, 'route')), ...costFindings(name, model, routes));
    findings.push(...fallbackFindings(name, model, routes));
  }
  return [...findings, ...circles(routes)];
}

/** The models that the rules use, each with its place. */
function usesOf(name: string, model: unknown): Use[] {
  return entriesOf(field(model, 'route')).flatMap(([i, rule]): Use[] => {
    const path = ['models', name, 'route', Number(i), 'use'];
    const use = field(rule, 'use');
    if (typeof use === 'string') return [{ model: use, path, part: 'value' }];
    return entriesOf(use).map(([used]) => ({ model: used, path: [...path, used], part: 'key' }));
  });
}

/** The last rule fits any request, and no other does, for those behind it would never be asked. */
function endFindings(name: string, route: unknown): Finding[] {
  if (!Array.isArray(route)) return [];
  return route.flatMap((rule, i): Finding[] => {
    if (!isObject(rule)) return [];
    const path = ['models', name, 'route', i];
    const last = i === route.length - 1;
    const conditional = field(rule, 'when') !== undefined && field(rule, 'when') !== null;
    if (last && conditional)
      return [
        {
          path: [...path, 'when'],
          part: 'key',
          message: 'the last rule has no `when`, so that every request has a model',
        },
      ];
    if (!last && !conditional)
      return [
        {
          path,
          part: 'value',
          message: 'without `when` it fits every request, and the rules after it are never asked',
        },
      ];
    return [];
  });
}

/** What a model costs is known of one that has targets. */
function costFindings(name: string, model: unknown, routes: ReadonlyMap<string, unknown>): Finding[] {
  return entriesOf(field(model, 'route')).flatMap(([i, rule]): Finding[] => {
    if (field(field(rule, 'when'), 'max_cost_usd') === undefined) return [];
    const use = field(rule, 'use');
    const used = typeof use === 'string' ? [use] : entriesOf(use).map(([one]) => one);
    const routed = used.find((one) => routes.has(one));
    if (routed === undefined) return [];
    const message = `what "${routed}" costs depends on its own route; use a model with targets here`;
    return [{ path: ['models', name, 'route', Number(i), 'when', 'max_cost_usd'], part: 'key', message }];
  });
}

/** A fallback is a model to be tried at once: what its rules would choose is not asked again. */
function fallbackFindings(name: string, model: unknown, routes: ReadonlyMap<string, unknown>): Finding[] {
  return ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'].flatMap((list) =>
    entriesOf(field(model, list)).flatMap(([i, fallback]): Finding[] => {
      if (typeof fallback !== 'string' || !routes.has(fallback)) return [];
      const path = ['models', name, list, Number(i)];
      return [{ path, part: 'value', message: `"${fallback}" has a route; a fallback is a model with targets` }];
    }),
  );
}

/** Each circle once, at the rule that closes it. */
function circles(routes: ReadonlyMap<string, readonly Use[]>): Finding[] {
  const findings: Finding[] = [];
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): void => {
    const trail = [...above, name];
    for (const { model, path, part } of routes.get(name) ?? []) {
      const at = trail.indexOf(model);
      if (at !== -1) {
        const circle = [...trail.slice(at), model].join(' -> ');
        findings.push({ path, part, message: `leads in a circle: ${circle}` });
      } else if (!done.has(model)) visit(model, trail);
    }
    done.add(name);
  };
  for (const name of routes.keys()) if (!done.has(name)) visit(name, []);
  return findings;
}
