// All tests of the page in one process and one browser. scripts/check-page.sh runs it.
import './talk.test.mjs';
import './life.test.mjs';
import './journal.test.mjs';
import './upgrade.test.mjs';
import './strangers.test.mjs';
import './door.test.mjs';
import './daily.test.mjs';
import './reading.test.mjs';
import './page.test.mjs';
import './past.test.mjs';
import './status.test.mjs';
import './access.test.mjs';
import './firefox.test.mjs';
import { runScenarios } from './scenario.mjs';

runScenarios();
