/** A limit that enters force while requests run. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Hold } from '../../../src/limits/hold.js';
import { Limit } from '../../../src/limits/limit.js';
import type { Limits } from '../../../src/limits/limits.js';
import {
  attempted,
  denied,
  estimate,
  LEASE_MS,
  levels,
  limitOf,
  type MakeRig,
  newId,
  newKey,
  reserved,
  spec,
  take,
  used,
} from './rig.js';

export function entering(make: MakeRig): void {
  describe('a limit that enters force', () => {
    /** A ledger of one key, with requests that no limit counted. */
    const ledgerOf = () => {
      const entries = new Map<string, number>();
      let asked = 0;
      return {
        entries,
        asked: () => asked,
        rebuild: async (_limit: Limit, _window: unknown, except: readonly string[]) => {
          asked += 1;
          let sum = 0;
          for (const [id, amount] of entries) if (!except.includes(id)) sum += amount;
          return sum;
        },
        async finish(limits: Limits, hold: Hold, amount: number) {
          entries.set(hold.id, amount);
          await limits.settle(hold, used(amount, 0), 'exact');
          limits.posted([hold.id]);
        },
      };
    };

    it('is known from the ledger, also where its counter was there before', async () => {
      const ledger = ledgerOf();
      const { limits, other = limits, clock } = await make(ledger);
      const scope = newKey();
      const at = () => new Limit(scope, spec('usd', 1000, 'month'), clock.now());
      const first = at();
      await ledger.finish(limits, reserved(await take(limits, [first], estimate(14))), 14);
      ledger.entries.set('without a limit', 140);
      clock.advance(60_000);
      const again = at();
      assert.deepEqual(await levels(other, again), [154, 0]);
      const open = reserved(await take(limits, [again], estimate(800)));
      assert.deepEqual(await levels(other, again), [154, 800]);
      denied(await take(other, [again], estimate(47)));
      await ledger.finish(limits, open, 46);
      assert.deepEqual(await levels(limits, again), [200, 0]);
    });

    it('counts what is open and what lapsed once, whichever way it ends', async () => {
      const ledger = ledgerOf();
      const { limits, clock } = await make(ledger);
      const scope = newKey();
      const at = () => new Limit(scope, spec('usd', 1000, 'month'), clock.now());
      const before = new Limit(scope, spec('usd', 1000, 'month'));
      const open = reserved(await take(limits, [before], estimate(100)));
      const cut = reserved(await take(limits, [before], estimate(50, 50)));
      ledger.entries.set(open.id, 40); // its first attempt failed, and has its entry
      ledger.entries.set('without a limit', 7);
      clock.advance(LEASE_MS + 1);
      assert.deepEqual(await levels(limits, before), [150, 0]);
      const again = at();
      assert.deepEqual(await levels(limits, again), [157, 0]);
      await ledger.finish(limits, open, 90);
      await ledger.finish(limits, cut, 60);
      assert.deepEqual(await levels(limits, again), [157, 0]);
      clock.advance(60_000);
      assert.deepEqual(await levels(limits, at()), [157, 0]);
    });

    it('counts a hold that was closed without its owner once, also where the ledger hears of its end first', async () => {
      const ledger = ledgerOf();
      const { limits, other = limits, clock } = await make({ ...ledger, onLapsed: async () => attempted(9, 0) });
      const scope = newKey();
      const at = () => new Limit(scope, spec('usd', 1000, 'month'), clock.now());
      const before = new Limit(scope, spec('usd', 1000, 'month'));
      const hold = reserved(
        await limits.reserve({ id: newId(), limits: [before], estimate: estimate(30, 70), note: 'n' }),
      );
      clock.advance(LEASE_MS + 1);
      await other.beat();
      assert.deepEqual(await levels(limits, before), [9, 0]);
      ledger.entries.set('without a limit', 7);
      ledger.entries.set(hold.id, 55);
      assert.deepEqual(await levels(limits, at()), [16, 0]);
      await limits.settle(hold, used(30, 25), 'exact');
      assert.deepEqual(await levels(limits, at()), [62, 0]);
      limits.posted([hold.id]);
      clock.advance(60_000);
      assert.deepEqual(await levels(limits, at()), [62, 0]);
    });

    it('is summed again once every gateway knows of it, and then no more', async () => {
      const ledger = ledgerOf();
      const { limits, other = limits, clock } = await make(ledger);
      const scope = newKey();
      await limits.release(reserved(await take(limits, [new Limit(scope, spec('usd', 1000, 'month'))], estimate(1))));
      const old = new Limit(scope, spec('usd', 1000, 'month'), clock.now());
      clock.advance(1000);
      const limit = new Limit(scope, spec('usd', 500, 'month'), clock.now());
      assert.deepEqual(await levels(limits, limit), [0, 0]);
      ledger.entries.set('of a gateway that did not know yet', 30);
      assert.deepEqual(await levels(other, limit), [0, 0]);
      assert.deepEqual(await levels(other, old), [0, 0], 'who knows less believes who knows more');
      assert.equal(ledger.asked(), 2);
      clock.advance(15_000);
      assert.deepEqual(await levels(other, limit), [30, 0]);
      for (let i = 0; i < 5; i++) {
        clock.advance(10_000);
        for (const who of [limits, other])
          reserved(await take(who, [limit, limitOf('concurrent', 9, null)], estimate(1)));
      }
      assert.equal(ledger.asked(), 3);
    });
  });
}
