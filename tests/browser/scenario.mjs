// A test on a stage of its own.
import { after, test } from 'node:test';
import { HANG, closeBrowser, withStage } from './stage.mjs';

export * from './stage.mjs';

// scenario(name, [options of the server,] work(stage))
export function scenario(name, ...rest) {
  const work = rest.pop();
  test(name, { timeout: 3 * HANG }, () => withStage(rest.flat(), work));
}

after(closeBrowser);
