/** What is refused because nobody knows what it costs. */
import type { Target } from '../catalog/model.js';
import type { InForce } from '../catalog/snapshot.js';
import type { Clock } from '../lib/clock.js';
import type { Log } from '../telemetry/log.js';

export function warnUnpriced({ models, cacheEmbedding }: InForce, clock: Clock, log: Log): void {
  const priced = (targets: readonly Target[]) => targets.every((target) => target.priceAt(clock.now()));
  for (const { name, targets } of models.list()) {
    if (!priced(targets)) log.warn({ model: name }, `refused until priced: set models.${name}.price or defaults.price`);
  }
  const model = cacheEmbedding?.models.get(cacheEmbedding.model);
  if (model && !priced(model.targets) && !models.get(model.name))
    log.warn(
      { model: model.name },
      'prompts are not embedded until it is priced: name it under models, or set defaults.price',
    );
}
