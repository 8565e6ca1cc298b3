/** Whether the guards that a configuration names are there, and the models that guards ask. */
import { entriesOf, field } from './json-members.js';
import type { Path } from './problem.js';
import { suggestion } from './suggest.js';
import type { Finding } from './validate.js';

export function checkGuards(config: unknown, knowsModel: (name: string) => boolean): Finding[] {
  const guards = entriesOf(field(config, 'guardrails'));
  const names = guards.map(([name]) => name);
  const places: (readonly [Path, unknown])[] = [
    [['defaults', 'guards'], field(field(config, 'defaults'), 'guards')],
    ...entriesOf(field(config, 'models')).map(
      ([model, written]) => [['models', model, 'guards'], field(written, 'guards')] as const,
    ),
  ];
  const findings = places.flatMap(([path, list]) =>
    entriesOf(list).flatMap(([n, name]): Finding[] => {
      if (typeof name !== 'string' || names.includes(name)) return [];
      return [
        { path: [...path, Number(n)], part: 'value', message: `there is no guard "${name}"${suggestion(name, names)}` },
      ];
    }),
  );
  for (const [name, guard] of guards) {
    const model = field(guard, 'model');
    if (typeof model === 'string' && !knowsModel(model))
      findings.push({ path: ['guardrails', name, 'model'], part: 'value', message: `there is no model "${model}"` });
  }
  return findings;
}
