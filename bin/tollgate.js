#!/usr/bin/env -S node --max-semi-space-size=64 --initial-heap-size=256
// Entries live until their batch is written, about 100 ms: in a larger young generation they are not copied meanwhile. With a
// heap that is small at first, the few that grow old would have the whole of it marked every second.
const needed = [20, 18, 1];
const here = process.versions.node.split('.').map(Number);
const at = needed.findIndex((part, i) => here[i] !== part);
if (at !== -1 && here[at] < needed[at]) {
  console.error(`Tollgate needs Node ${needed.join('.')} or newer, and this is Node ${process.versions.node}.`);
  console.error('Install a newer one, for example from https://nodejs.org, and start again.');
  process.exit(1);
}
import('../dist/src/main.js');
