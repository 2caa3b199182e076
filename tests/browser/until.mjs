// Polls until work() gives something true, which it returns. Nothing is measured: the end only stops what hangs.
import assert from 'node:assert/strict';

export const HANG = 60000; // ms

// Errors of pages that are still on their way do not count.
export async function until(what, work) {
  const end = Date.now() + HANG;
  for (;;) {
    let value;
    try {
      value = await work();
    } catch (error) {
      value = undefined;
      if (Date.now() > end) throw error;
    }
    if (value) return value;
    if (Date.now() > end) assert.fail(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
