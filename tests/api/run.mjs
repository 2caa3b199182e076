import './openapi.test.mjs';
import './recipes.test.mjs';
