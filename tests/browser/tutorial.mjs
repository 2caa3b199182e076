// The page of the tutorial's chapter: it speaks plain text, and never reconnects.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import { until } from './until.mjs';

// The tutorial's page on an origin of its own, for a server on that port.
export async function tutorialSite(stage) {
  const site = http.createServer((_, response) => {
    const page = readFileSync('tests/browser/tutorial/chat.html', 'utf8');
    response.setHeader('Content-Type', 'text/html');
    response.end(page.replace('localhost:8000', `127.0.0.1:${stage.server.port}`));
  });
  await once(site.listen(0, '127.0.0.1'), 'listening');
  stage.atEnd(() => site.close());
  const url = `http://127.0.0.1:${site.address().port}/`;
  stage.allow(url);
  return url;
}

export async function openTutorial(context, url) {
  const page = await context.newPage();
  await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
  await page.goto(url);
  await until('the tutorial page is connected', () => page.evaluate('socket.readyState === 1'));
  return page;
}

export const tutorialLines = (page) => page.$$eval('#messages li', (items) => items.map((item) => item.textContent));
export const hasLine = (page, line) => until(line, async () => (await tutorialLines(page)).includes(line));
