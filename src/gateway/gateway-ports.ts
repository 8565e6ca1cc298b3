/** What the request path is given. */
import type { Recall } from '../cache/recall.js';
import type { InForce } from '../catalog/snapshot.js';
import type { Usage } from '../formats/usage.js';
import type { Authenticator } from '../identity/authenticate.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import type { Overload } from '../lib/overload.js';
import type { Random } from '../lib/random.js';
import type { RefusalTally } from '../reports/refusals.js';
import type { RunningLog } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Tracing } from '../telemetry/trace.js';
import type { Deadlines } from '../upstream/deadline.js';
import type { GuardPorts } from './guard-input.js';
import type { Limiter } from './limiter.js';
import type { RunningRequests } from './running.js';
import type { Capturing } from './tape.js';

export interface GatewayPorts {
  readonly clock: Clock;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** What is in force; a request enters it once and is served by that one to its end. */
  readonly snapshots: { enter(): { readonly value: Pick<InForce, 'models'>; leave(): void } };
  readonly ledger: Ledger;
  readonly limiter: Limiter;
  /** Refuses callers while there is more to do than can be done. */
  readonly overload: Pick<Overload, 'refuses'>;
  /** Asked only for models whose answers are cached. */
  readonly recall: (...question: Parameters<Recall>) => ReturnType<Recall>;
  readonly deadlines: Deadlines;
  readonly metrics: Metrics;
  readonly refusals: Pick<RefusalTally, 'add'>;
  readonly access: RunningLog['access'];
  /** Null: no request is traced. */
  readonly tracing: Pick<Tracing, 'begin'> | null;
  readonly random: Random;
  readonly guards: GuardPorts;
  /** Null: nothing is captured, as of what the gateway asks itself. */
  readonly capture: Capturing | null;
  /** The requests that a shutdown waits for. */
  readonly running: RunningRequests;
  /** Told of what went wrong in the gateway itself, where a request could be ended all the same. */
  readonly onFault: (error: unknown, requestId: string) => void;
  /** Told of a provider's report of more than the request can have used, and of what is entered instead. */
  readonly onImplausible: (target: string, entered: Usage, requestId: string) => void;
}
