// A test on a stage of its own. Several run at a time: they mostly wait.
import { after, describe, test } from 'node:test';
import { HANG, closeBrowser, withStage } from './stage.mjs';

export * from './stage.mjs';

const AT_A_TIME = 2;
const CLOSING = 10000; // ms
const scenarios = [];

// scenario(name, [options of the server,] work(stage))
export function scenario(name, ...rest) {
  const work = rest.pop();
  scenarios.push([name, () => withStage(rest.flat(), work)]);
}

export function runScenarios() {
  describe('the page', { concurrency: AT_A_TIME }, () => {
    for (const [name, work] of scenarios) test(name, { timeout: 6 * HANG }, work);
  });
}

after(async () => {
  // Left to itself, Node 20 may turn for ever in what it cleans up at its end; process.exit() ends without that.
  process.on('exit', () => process.exit());
  // What a test has left running, or a browser that does not close, is told of by no test: neither may keep the runner
  // for ever. The timer itself keeps nothing.
  setTimeout(() => process.exit(), CLOSING).unref();
  await closeBrowser();
});
