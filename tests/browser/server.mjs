// The real server, as a process of its own on a free port.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export const binary = process.env.WSCHAT_BIN ?? './wschat';
const running = new Set();
process.on('exit', () => running.forEach((server) => server.process.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

export class Server {
  port = 0;
  program = binary;

  static async start(...options) {
    const server = new Server();
    server.options = options;
    await server.start();
    return server;
  }

  // Again on the same port after kill().
  async start() {
    const child = spawn(this.program, ['--port', String(this.port), ...this.options], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.process = child;
    this.log = '';
    running.add(this);
    child.stderr.setEncoding('utf8');
    await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${this.log}`)));
      child.stderr.on('data', (text) => {
        this.log += text;
        const [, port] = this.log.match(/listening on http:\/\/127\.0\.0\.1:(\d+)\//) ?? [];
        if (!port) return;
        this.port = Number(port);
        resolve();
      });
    });
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  // Where operators look, with --admin; undefined until it says so.
  get adminUrl() {
    return this.log.match(/metrics on (http:\S+\/)metrics/)?.[1];
  }

  // SIGTERM is the end that it knows of.
  async kill(signal = 'SIGKILL') {
    const { process: child } = this;
    running.delete(this);
    if (child.exitCode !== null || child.signalCode) return;
    child.kill(signal);
    await once(child, 'exit');
  }
}
