#!/usr/bin/env -S node --max-semi-space-size=64 --initial-heap-size=256
// Entries live until their batch is written, about 100 ms: in a larger young generation they are not copied meanwhile. With a
// heap that is small at first, the few that grow old would have the whole of it marked every second.
import '../dist/src/main.js';
