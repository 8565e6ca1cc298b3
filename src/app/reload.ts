/** The part of the composition that tells operators of reloads: in the log and in the metrics. */
import { formatProblem } from '../config/problem.js';
import type { Reloader, ReloadResult } from '../config/reload.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

export function tellReload(result: ReloadResult, log: Log, metrics: Metrics): void {
  metrics.configReload(result.status);
  const { trigger, file } = result;
  if (result.status === 'rejected') {
    const problems = result.problems.map(formatProblem);
    return log.error({ trigger, problems }, 'configuration rejected, nothing was changed');
  }
  const { status, hash, changed, restart } = result;
  log.info({ trigger, file, hash, changed }, `configuration ${status}`);
  if (restart.length > 0) log.warn({ settings: restart }, 'these settings wait for a restart');
}

export function reloadGauges(reloader: Reloader, metrics: Metrics): void {
  metrics.gauge('tollgate_config_last_reload_successful', () => (reloader.state.last?.status === 'rejected' ? 0 : 1));
  metrics.gauge('tollgate_config_since_timestamp_seconds', () => reloader.state.since / 1000);
}
