/** What the log is told of faults of the gateway itself, and of usage that cannot be. */
import { stackOf } from '../lib/thrown.js';
import type { Log } from '../telemetry/log.js';

export const tellingFaults = (log: Log) => ({
  onFault: (error: unknown, requestId: string): void =>
    log.error({ request_id: requestId, error: stackOf(error) }, 'fault'),
  onImplausible: (target: string, entered: object, requestId: string): void =>
    log.warn(
      { request_id: requestId, target, entered },
      'a provider reported more tokens than the request can have used',
    ),
});
