// docs/openapi.json: read, found to be valid, and asked by: a request is made from an operation, and its answer must be one
// that the operation describes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { request } from 'node:http';

const modules = createRequire(`${process.cwd()}/build/browser/`);
const Ajv = modules('ajv/dist/2020').default;
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export const description = JSON.parse(readFileSync('docs/openapi.json', 'utf8'));

export async function checkDescription() {
  const { Validator } = await import(modules.resolve('@seriousme/openapi-schema-validator'));
  const result = await new Validator().validate(structuredClone(description));
  assert.ok(result.valid, JSON.stringify(result.errors, null, 2));
}

const at = (reference) => reference.slice(2).split('/').reduce((node, key) => node[key], description);
const resolved = (node) => (node.$ref ? at(node.$ref) : node);

// { operationId: { path, method, parameters, responses, ... } }
export const operations = Object.fromEntries(Object.entries(description.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => [item[method].operationId, {
    ...item[method],
    path,
    method: method.toUpperCase(),
    parameters: [...item.parameters ?? [], ...item[method].parameters ?? []].map(resolved),
  }])));

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema(description, 'api');

function checkSchema(pointer, value, what) {
  const validate = ajv.getSchema(`api#${pointer}`) ?? ajv.compile({ $ref: `api#${pointer}` });
  assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
}

const escaped = (key) => key.replaceAll('~', '~0').replaceAll('/', '~1');

// Where a response stands in the description.
function pointerTo(operation, status) {
  const response = operation.responses[status];
  return response.$ref?.slice(1) ??
    `/paths/${escaped(operation.path)}/${operation.method.toLowerCase()}/responses/${status}`;
}

// Puts the parameters given where the operation wants them. Each must be one of its own.
export function address(operation, parameters = {}) {
  let { path } = operation;
  const query = new URLSearchParams();
  const headers = {};
  for (const [name, value] of Object.entries(parameters)) {
    const parameter = operation.parameters.find((one) => one.name === name);
    assert.ok(parameter, `${operation.operationId} has no parameter ${name}`);
    if (parameter.in === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (parameter.in === 'query') query.append(name, value);
    else headers[name] = value;
  }
  assert.doesNotMatch(path, /[{}]/, 'a parameter of the path is missing');
  return { path: query.size > 0 ? `${path}?${query}` : path, headers };
}

// { status, headers, text }. A stream is ended once it has said something.
export function send(port, { method, path, headers, body, hasNoLength }) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      const done = () => resolve({ status: response.statusCode, headers: response.headers, text });
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
        if (response.headers['content-type'] !== 'text/event-stream' || !text.includes('\n\n')) return;
        done();
        response.destroy();
      });
      response.on('end', done);
      response.on('error', () => {});
    });
    asked.on('error', reject);
    if (hasNoLength) for (const name of ['Content-Length', 'Transfer-Encoding']) asked.removeHeader(name);
    asked.end(body);
  });
}

const seen = new Set();

// Fails where the operation does not describe such an answer. Returns what the JSON says.
export function checkAnswer(operation, { status, headers, text }) {
  const what = `${operation.operationId} ${status}`;
  assert.ok(operation.responses[status], `${what} is not described: ${text}`);
  seen.add(what);
  const response = resolved(operation.responses[status]);
  for (const [name, header] of Object.entries(response.headers ?? {})) {
    const value = headers[name.toLowerCase()];
    assert.ok(value !== undefined || !header.required, `${what} has no ${name}`);
    if (value !== undefined) assert.ok(ajv.validate(header.schema, value), `${what}, ${name}: ${value}`);
  }
  if (!response.content) {
    assert.equal(text, '', what);
    return undefined;
  }
  const type = headers['content-type'].split(';')[0];
  assert.ok(response.content[type], `${what} is ${type}`);
  if (!type.endsWith('json')) return text;
  const value = JSON.parse(text);
  checkSchema(`${pointerTo(operation, status)}/content/${escaped(type)}/schema`, value, what);
  if (type === 'application/problem+json') assert.equal(value.status, status, what);
  return value;
}

// A body that is meant to be good must be so by the description, too.
export function checkBody(operation, value) {
  checkSchema(`/paths/${escaped(operation.path)}/${operation.method.toLowerCase()}/requestBody/content/application~1json/schema`,
    value, `the body of ${operation.operationId}`);
}

// Which answers are described, and were never seen.
export const unseen = () => Object.values(operations).flatMap((operation) =>
  Object.keys(operation.responses).map((status) => `${operation.operationId} ${status}`)).filter((what) => !seen.has(what));
