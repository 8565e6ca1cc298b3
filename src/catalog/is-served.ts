/** Whether anything can serve a model at all: one whose providers lack the credential that they need is not listed. */
import type { Model, Models } from './model.js';

/** Routes lead to other models, which may be routes: a configuration has no circles. */
export function isServed(model: Model | undefined, models: Models): boolean {
  if (!model) return false;
  const asks = ({ targets }: Model): boolean => targets.some(({ state }) => state.hasCredential);
  if (model.route) return model.route.uses.some((name) => isServed(models.get(name), models));
  return (
    asks(model) ||
    model.fallbacks.some((name) => {
      const other = models.get(name);
      return other !== undefined && asks(other);
    })
  );
}
