/**
 * Servers side by side under `wrk`, in turn, so that whatever else the machine does meets all of them alike. Each turn begins
 * with a second that does not count: a process that had nothing to do has given memory back, and takes it again. Told are
 * medians, and the median of each round's own ratio to the first side.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const ROUNDS = 5;
const SECONDS = 4;
const WARM_SECONDS = 1;
const FIRST_SECONDS = 4;
const CONNECTIONS = 32;

export interface Side {
  readonly name: string;
  /** Its processes, whose CPU time is counted. */
  readonly pids: readonly number[];
  /** What `wrk` is told after its connections and its time. */
  readonly load: readonly string[];
  /** The same of another server of this side, which has half of the connections. */
  readonly beside?: readonly string[];
}

/** What all servers of a side were asked in one turn. */
interface Asked {
  readonly requests: number;
  readonly perSecond: number;
}

interface Round {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** `floor`: what the first side is, in the words of the lines. `firstSeconds`: how long each is warmed at first. */
export async function compare(
  sides: readonly Side[],
  floor = 'the floor',
  firstSeconds = FIRST_SECONDS,
): Promise<void> {
  const results = sides.map((side) => ({ side, rounds: [] as Round[] }));
  for (const { side } of results) await measure(side, firstSeconds);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { side, rounds } of results) {
      await measure(side, WARM_SECONDS);
      rounds.push(await measure(side, SECONDS));
    }
  }
  const first = results[0]!.rounds;
  for (const { side, rounds } of results) {
    const rate = median(rounds.map(({ perSecond }) => perSecond));
    const ratio = median(rounds.map(({ perSecond }, i) => perSecond / first[i]!.perSecond));
    const cpuUs = median(rounds.map((round) => round.cpuUs));
    console.log(
      `${side.name.padEnd(24)} ${rate.toFixed(0).padStart(7)} requests/s  ${ratio.toFixed(2)} of ${floor}  ${cpuUs.toFixed(0).padStart(4)} us CPU/request (least ${Math.min(...rounds.map((round) => round.cpuUs)).toFixed(0)})`,
    );
  }
}

async function measure({ name, pids, load, beside }: Side, seconds: number): Promise<Round> {
  const before = cpuMs(pids);
  const loads = beside ? [load, beside] : [load];
  const asked = await Promise.all(loads.map((one) => ask(name, one, CONNECTIONS / loads.length, seconds)));
  const requests = asked.reduce((sum, one) => sum + one.requests, 0);
  return {
    perSecond: asked.reduce((sum, one) => sum + one.perSecond, 0),
    cpuUs: ((cpuMs(pids) - before) * 1000) / requests,
  };
}

/** A gateway's output is read meanwhile: a pipe that nobody reads would hold its log up. */
async function ask(name: string, load: readonly string[], connections: number, seconds: number): Promise<Asked> {
  const { stdout: out } = await promisify(execFile)('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, ...load]);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1];
  if (bad) throw new Error(`${name}: ${bad} answers were errors`);
  return {
    requests: Number(/(\d+) requests in/.exec(out)?.[1]),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1]),
  };
}

/** User and system time of processes so far, in milliseconds. */
function cpuMs(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    sum += (Number(fields[11]) + Number(fields[12])) * 10;
  }
  return sum;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
