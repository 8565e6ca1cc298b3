import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CalendarUnit, calendar } from '../../src/limits/calendar.js';

const at = (per: CalendarUnit, zone: string, instant: string) => {
  const { id, startMs, endMs } = calendar(per, zone).at(Date.parse(instant));
  return [id, new Date(startMs).toISOString(), new Date(endMs).toISOString()];
};

describe('calendar windows', () => {
  it('are days, weeks from Monday and months in UTC', () => {
    assert.deepEqual(at('day', 'UTC', '2026-11-24T23:59:59.999Z'), [
      '2026-11-24',
      '2026-11-24T00:00:00.000Z',
      '2026-11-25T00:00:00.000Z',
    ]);
    assert.deepEqual(at('week', 'UTC', '2026-11-29T12:00:00Z'), [
      '2026-11-23',
      '2026-11-23T00:00:00.000Z',
      '2026-11-30T00:00:00.000Z',
    ]);
    assert.deepEqual(at('week', 'UTC', '2026-11-30T00:00:00Z'), [
      '2026-11-30',
      '2026-11-30T00:00:00.000Z',
      '2026-12-07T00:00:00.000Z',
    ]);
    assert.deepEqual(at('month', 'UTC', '2026-12-31T23:00:00Z'), [
      '2026-12',
      '2026-12-01T00:00:00.000Z',
      '2027-01-01T00:00:00.000Z',
    ]);
    assert.deepEqual(at('month', 'UTC', '2028-02-29T00:00:00Z'), [
      '2028-02',
      '2028-02-01T00:00:00.000Z',
      '2028-03-01T00:00:00.000Z',
    ]);
  });

  it('have one window without end for `total`', () => {
    const window = calendar('total', 'UTC').at(0);
    assert.deepEqual(window, { id: '', startMs: -Infinity, endMs: Infinity });
    assert.equal(calendar('total', 'UTC').at(9e15), window);
  });

  it('are 23 and 25 hours long where the clock changes', () => {
    assert.deepEqual(at('day', 'Europe/Berlin', '2026-03-29T10:00:00Z'), [
      '2026-03-29',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ]);
    assert.deepEqual(at('day', 'Europe/Berlin', '2026-10-25T10:00:00Z'), [
      '2026-10-25',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ]);
    assert.deepEqual(at('month', 'America/New_York', '2026-11-24T00:00:00Z'), [
      '2026-11',
      '2026-11-01T04:00:00.000Z',
      '2026-12-01T05:00:00.000Z',
    ]);
  });

  it('begin after midnight where the clock skips it', () => {
    // Beirut went from 23:59:59 to 01:00 on 31 March 2024.
    assert.deepEqual(at('day', 'Asia/Beirut', '2024-03-31T05:00:00Z'), [
      '2024-03-31',
      '2024-03-30T22:00:00.000Z',
      '2024-03-31T21:00:00.000Z',
    ]);
  });

  it('begin once where midnight comes twice', () => {
    // Havana went from 01:00 back to 00:00 on 3 November 2024, St. John's from 00:01 to 23:01 on 7 November 2010.
    assert.deepEqual(at('day', 'America/Havana', '2024-11-03T04:30:00Z')[0], '2024-11-03');
    assert.deepEqual(at('day', 'America/Havana', '2024-11-03T05:30:00Z'), [
      '2024-11-03',
      '2024-11-03T04:00:00.000Z',
      '2024-11-04T05:00:00.000Z',
    ]);
    const first = at('day', 'America/St_Johns', '2010-11-07T02:30:30Z');
    assert.deepEqual(first, ['2010-11-07', '2010-11-07T02:30:00.000Z', '2010-11-08T03:30:00.000Z']);
    assert.deepEqual(at('day', 'America/St_Johns', '2010-11-07T02:45:00Z'), first);
  });

  it('skip a day that never was', () => {
    assert.deepEqual(at('day', 'Pacific/Apia', '2011-12-30T09:59:59Z')[0], '2011-12-29');
    assert.deepEqual(at('day', 'Pacific/Apia', '2011-12-30T10:00:00Z'), [
      '2011-12-31',
      '2011-12-30T10:00:00.000Z',
      '2011-12-31T10:00:00.000Z',
    ]);
  });

  it('touch, never overlap, and hold the instants that they say, in any zone', () => {
    const zones = [
      'UTC',
      'America/Sao_Paulo',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'Africa/Casablanca',
      'America/St_Johns',
      'Asia/Tehran',
      'Pacific/Chatham',
    ];
    for (const zone of zones) {
      for (const per of ['day', 'week', 'month'] as const) {
        let now = Date.parse('2009-12-25T00:00:00Z');
        let window = calendar(per, zone).at(now);
        for (let i = 0; i < (per === 'day' ? 800 : 100); i++) {
          const next = calendar(per, zone).at(window.endMs);
          assert.equal(next.startMs, window.endMs, `${zone} ${per} ${next.id}`);
          assert.ok(next.id > window.id, `${zone} ${per} ${next.id}`);
          now = next.startMs + (next.endMs - next.startMs) * 0.7;
          assert.deepEqual(calendar(per, zone).at(next.endMs - 1), next);
          assert.equal(calendar(per, zone).at(now).id, next.id);
          window = next;
        }
      }
    }
  });

  it('keep the window that was found until it ends, without asking again', () => {
    const days = calendar('day', 'Europe/Berlin');
    const now = Date.parse('2026-11-24T12:00:00Z');
    assert.equal(days.at(now), days.at(now + 3_600_000));
    assert.equal(calendar('day', 'Europe/Berlin'), days);
    assert.throws(() => calendar('day', 'Mars/Olympus'), RangeError);
  });
});
