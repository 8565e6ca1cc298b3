/** How many processors a process may use, by what Linux says of its control groups. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { processors } from '../../src/lib/processors.js';

const by = (files: Readonly<Record<string, string>>) => processors((path) => files[path], 8);

test('without control groups as many as the system says', () => {
  assert.equal(by({}), 8);
  assert.ok(processors() >= 1 && processors() <= availableParallelism());
});

test('a quota of the group, or of one above it, holds; a part of a processor counts as one', () => {
  const self = { '/proc/self/cgroup': '0::/system.slice/tollgate.service\n' };
  const root = '/sys/fs/cgroup';
  assert.equal(by({ ...self, [`${root}/system.slice/tollgate.service/cpu.max`]: '200000 100000\n' }), 2);
  assert.equal(by({ ...self, [`${root}/system.slice/tollgate.service/cpu.max`]: '150000 100000\n' }), 2);
  assert.equal(by({ ...self, [`${root}/system.slice/tollgate.service/cpu.max`]: 'max 100000\n' }), 8);
  assert.equal(
    by({
      ...self,
      [`${root}/system.slice/tollgate.service/cpu.max`]: '400000 100000\n',
      [`${root}/system.slice/cpu.max`]: '300000 100000\n',
    }),
    3,
  );
  assert.equal(by({ ...self, [`${root}/system.slice/cpu.max`]: '5000 100000' }), 1, 'never none');
  assert.equal(by({ ...self, [`${root}/system.slice/cpu.max`]: '9900000 100000' }), 8, 'never more than there are');
});

test('in a container the own group is the root of what is seen', () => {
  assert.equal(by({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '250000 100000\n' }), 3);
  assert.equal(
    by({ '/proc/self/cgroup': '0::/../../kubepods/pod1\n', '/sys/fs/cgroup/cpu.max': '100000 100000\n' }),
    1,
  );
});

test('the first version of control groups', () => {
  const self = { '/proc/self/cgroup': '7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n' };
  const cpu = '/sys/fs/cgroup/cpu/docker/abc';
  assert.equal(by({ ...self, [`${cpu}/cpu.cfs_quota_us`]: '-1\n', [`${cpu}/cpu.cfs_period_us`]: '100000\n' }), 8);
  assert.equal(by({ ...self, [`${cpu}/cpu.cfs_quota_us`]: '100000\n', [`${cpu}/cpu.cfs_period_us`]: '50000\n' }), 2);
});

test('files that say something else are as if they were not there', () => {
  for (const text of ['', 'x', '1', '0 0', '-1 100000', 'NaN NaN'])
    assert.equal(by({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': text }), 8, text);
  assert.equal(by({ '/proc/self/cgroup': 'nonsense\n::\n0::relative' }), 8);
});
